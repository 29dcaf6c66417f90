//! The operators' first page: what waits, for whom and since when. Below it, how much the deployment has of everything.

use askama::Template;
use axum::response::Response;
use keyward_authority::operators::{
    NextStep, WaitingProposal, Work, WorkItem, WorkQueue, overview, work_queue,
};
use keyward_rules::app::FrozenBy;
use keyward_rules::limits::PAGE_DEFAULT;
use keyward_rules::time::Moment;

use super::officer::StaffMember;
use crate::pages::layout::{Frame, page, problem};
use crate::words::{When, countdown};

/// One thing that waits.
struct Line {
    kind: &'static str,
    title: String,
    about: String,
    href: String,
    button: &'static str,
    since: Option<When>,
}

/// A list of what waits.
struct Section {
    title: &'static str,
    /// What it says when it has no lines.
    empty: &'static str,
    lines: Vec<Line>,
    /// How many more there are than the page shows.
    more: usize,
}

#[derive(Template)]
#[template(path = "operations/queue.html")]
struct Page {
    frame: Frame,
    acts: bool,
    sections: Vec<Section>,
    accounts: i64,
    keys: Vec<(String, i64)>,
    mails: Vec<(String, i64)>,
    events: i64,
    open: i64,
    set_up_open: bool,
    reviews: u64,
}

/// The page.
pub async fn show(officer: StaffMember) -> Response {
    let answer = async {
        let context = officer.context()?;
        let queue = work_queue(&context).await.map_err(problem)?;
        let view = overview(&context).await.map_err(problem)?;
        Ok(page(&Page {
            frame: Frame::of(&officer.0, "operations", "Work queue"),
            acts: officer.acts(),
            sections: sections(queue, officer.acts(), officer.0.shell.now()),
            accounts: view.counts.accounts,
            keys: view.counts.keys.into_iter().map(|(state, count)| (in_words(state), count)).collect(),
            mails: view.counts.mails,
            events: view.counts.events,
            open: view.counts.proposals,
            set_up_open: view.set_up_open,
            reviews: view.reviews,
        }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

/// The state of keys as the store spells it, in words.
fn in_words(state: String) -> String {
    match state.as_str() {
        "expired_idle" => "expired unused".to_owned(),
        "expired_date" => "expired by date".to_owned(),
        _ => state,
    }
}

/// The lists of the page; all but the first only where they have lines.
fn sections(queue: WorkQueue, acts: bool, now: Moment) -> Vec<Section> {
    let (title, empty) = if acts {
        ("Waits for you", "Nothing waits for you.")
    } else {
        ("Waits for the operators", "Nothing waits for the operators.")
    };
    let mut others = section("Waits for others", "", queue.others, now);
    others.lines.iter_mut().for_each(|line| line.button = "Open");
    let stopped = section("Frozen or overdue", "", queue.stopped, now);
    let rest = [others, stopped].into_iter().filter(|one| !one.lines.is_empty());
    std::iter::once(section(title, empty, queue.mine, now)).chain(rest).collect()
}

fn section(title: &'static str, empty: &'static str, items: Vec<WorkItem>, now: Moment) -> Section {
    let more = items.len().saturating_sub(PAGE_DEFAULT);
    let lines = items.into_iter().take(PAGE_DEFAULT).map(|item| line(item, now)).collect();
    Section { title, empty, lines, more }
}

fn line(item: WorkItem, now: Moment) -> Line {
    let WorkItem { work, name, since } = item;
    let (kind, button, href) = place(&work);
    let about = about(&work, &name, now);
    Line { kind, title: title(&work, name), about, href, button, since: When::maybe(since) }
}

/// What kind of thing it is, what its button says, and where that leads.
fn place(work: &Work) -> (&'static str, &'static str, String) {
    match work {
        Work::Proposal(proposal) => {
            let button = if proposal.step == NextStep::Approve { "Review" } else { "Open" };
            ("Proposal", button, format!("/operations/proposals/{}", proposal.id))
        }
        Work::App(app) => ("App", "Review", format!("/operations/apps/{app}")),
        Work::Ranges(app, number, _) => {
            ("Ranges", "Review", format!("/operations/apps/{app}#version-{number}"))
        }
        Work::FrozenApp(app, _) => ("Frozen app", "Open", format!("/operations/apps/{app}")),
        Work::FrozenAccount(account) => ("Frozen account", "Open", format!("/operations/accounts/{account}")),
        Work::OverdueApp(app) => ("Overdue", "Open", format!("/operations/apps/{app}")),
        Work::AlteredRole => ("Altered record", "Open", "/alerts".to_owned()),
        Work::AccountsAtOnce => ("Signal", "Open", "/alerts".to_owned()),
        Work::AlteredProposals(_) => ("Altered record", "Open", "/operations/proposals".to_owned()),
    }
}

fn title(work: &Work, name: String) -> String {
    match work {
        Work::AlteredRole => "The stored record of a role was altered".to_owned(),
        Work::AccountsAtOnce => "Many accounts began the same thing at once".to_owned(),
        Work::AlteredProposals(1) => "An open proposal was altered outside the program".to_owned(),
        Work::AlteredProposals(count) => format!("{count} open proposals were altered outside the program"),
        Work::Proposal(_)
        | Work::App(_)
        | Work::Ranges(..)
        | Work::FrozenApp(..)
        | Work::FrozenAccount(_)
        | Work::OverdueApp(_) => name,
    }
}

fn about(work: &Work, name: &str, now: Moment) -> String {
    match work {
        Work::Proposal(proposal) => about_proposal(proposal, now),
        Work::App(_) => "It waits to be verified.".to_owned(),
        Work::Ranges(_, number, size) => format!("Version {number} waits for review: {size}."),
        Work::FrozenApp(_, by) => about_freeze(*by).to_owned(),
        Work::FrozenAccount(_) => {
            "All its keys are held. To lift the freeze, another operator must approve a proposal.".to_owned()
        }
        Work::OverdueApp(_) => {
            "The deadline to replace its keys has passed. Keys that were not replaced are held.".to_owned()
        }
        Work::AlteredRole => format!("{name} It has no effect until operators grant it again."),
        Work::AccountsAtOnce => name.to_owned(),
        Work::AlteredProposals(_) => {
            "Altered proposals cannot be approved or carried out. Find out who can write to the database."
                .to_owned()
        }
    }
}

fn about_proposal(proposal: &WaitingProposal, now: Moment) -> String {
    let WaitingProposal { id, requester, counting: (have, need), expires_at, step } = proposal;
    let next = match step {
        NextStep::Approve => format!("{have} of {need} approvals"),
        NextStep::CarryOut => "it is approved, and an operator must carry it out".to_owned(),
        NextStep::AtTheHost => "it is approved, and somebody must carry it out at the host".to_owned(),
        NextStep::Cancel => {
            "its requester is not an operator any more, so an operator must cancel it".to_owned()
        }
    };
    format!("Proposal {id} by {requester}: {next}. It expires {}.", countdown(now, *expires_at))
}

const fn about_freeze(by: FrozenBy) -> &'static str {
    match by {
        FrozenBy::Broker => "Its broker froze all its keys and can lift this freeze alone.",
        FrozenBy::Operator => {
            "An operator froze all its keys. To lift the freeze, another operator must approve a proposal."
        }
        FrozenBy::Both => "An operator and its broker froze all its keys. Each must lift their own freeze.",
    }
}

#[cfg(test)]
mod tests {
    use keyward_authority::operators::{Work, WorkItem, WorkQueue};
    use keyward_rules::id::AppId;
    use keyward_rules::limits::PAGE_DEFAULT;
    use keyward_rules::time::Moment;

    use super::sections;

    #[test]
    fn a_long_queue_is_cut_and_says_so() {
        let now = Moment::from_unix_ms(0);
        let app =
            |_| WorkItem { work: Work::App(AppId::from_u64(7).unwrap()), name: "x".to_owned(), since: None };
        let queue = WorkQueue { mine: (0..PAGE_DEFAULT + 2).map(app).collect(), ..WorkQueue::default() };
        let shown = sections(queue, true, now);
        assert_eq!((shown.len(), shown[0].lines.len(), shown[0].more), (1, PAGE_DEFAULT, 2));
        let none = sections(WorkQueue::default(), false, now);
        assert!(none[0].lines.is_empty() && none[0].empty.contains("the operators"));
    }
}
