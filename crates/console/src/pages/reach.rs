//! What a person who controls an address can do: which keys work from where, and the way to disable exactly those.

use askama::Template;
use axum::extract::Query as Asked;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::ActionError;
use keyward_authority::questions::{KeyReach, LivingKeys, RequestKind, living_keys};
use keyward_rules::address::{HostBits, Network};
use keyward_rules::permission::Permission;

use super::keys::OFFERED;
use super::layout::{Frame, Query, page_with, problem};
use super::person::SignedIn;
use crate::words::permission_line;

/// Rows of the table; any other address can be asked for.
const ROWS: usize = 100;
/// Names in a cell; the others are counted.
const NAMES: usize = 2;
/// What is said of a text that is neither address nor range.
const NOT_A_RANGE: &str =
    "Enter one IPv4 or IPv6 address or range, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::7.";

/// A key in a list.
struct Named {
    id: String,
    name: String,
    demo: bool,
    /// Whether it works from every address, and not from this one only.
    anywhere: bool,
}

impl Named {
    fn of(key: &KeyReach) -> Self {
        Self { id: key.id.to_string(), name: key.name.to_string(), demo: key.demo, anywhere: key.anywhere }
    }
}

/// What could be done, and with which keys.
struct Line {
    /// The word of the permission, which has an icon.
    right: &'static str,
    what: &'static str,
    /// Whether it can lose funds.
    harms: bool,
    keys: Vec<Named>,
}

/// The answer for the address that was asked for.
struct Answer {
    from: String,
    lines: Vec<Line>,
    keys: Vec<Named>,
}

/// The keys of a row that hold one permission.
struct Cell {
    label: &'static str,
    count: usize,
    names: String,
}

/// A row of the table: an address or range.
struct Row {
    from: String,
    cells: [Cell; 5],
}

/// A key of an app, and what it could do from the app's servers.
struct OfApp {
    id: String,
    name: String,
    app: String,
    can: String,
}

#[derive(Template)]
#[template(path = "reach.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    /// Whether there is no key that has not ended.
    empty: bool,
    /// The address as typed, and what is wrong with it.
    from: String,
    from_error: &'static str,
    answer: Option<Answer>,
    labels: [&'static str; 5],
    rows: Vec<Row>,
    more_rows: usize,
    everywhere: Option<[Cell; 5]>,
    apps: Vec<OfApp>,
}

/// The page, with an answer when it is asked for an address.
pub async fn show(person: SignedIn, Asked(query): Asked<Query>) -> Response {
    match build(&person, &query).await {
        Ok(answer) => answer,
        Err(other) => problem(other),
    }
}

async fn build(person: &SignedIn, query: &Query) -> Result<Response, ActionError> {
    let keys = living_keys(&person.context(), person.acts_for()).await?;
    let routes = person.shell.routes();
    let typed = query.from.trim();
    let asked = if typed.is_empty() { None } else { Some(Network::parse(typed, HostBits::Clear)) };
    let (status, from_error) = match asked {
        Some(Err(_)) => (StatusCode::UNPROCESSABLE_ENTITY, NOT_A_RANGE),
        Some(Ok(_)) | None => (StatusCode::OK, ""),
    };
    let ranges = keys.ranges();
    let everywhere = keys.usable_everywhere(routes);
    let shown = Page {
        frame: Frame::of(person, "keys", "What an address can do"),
        csrf: &person.csrf,
        empty: keys.is_empty(),
        from: query.from.clone(),
        from_error,
        answer: asked.and_then(Result::ok).map(|range| answer(range, &keys.usable_within(routes, range))),
        labels: OFFERED.map(|right| permission_line(right).0),
        rows: ranges.iter().take(ROWS).map(|range| row(person, &keys, *range)).collect(),
        more_rows: ranges.len().saturating_sub(ROWS),
        everywhere: (!everywhere.is_empty()).then(|| cells(&everywhere)),
        apps: keys.usable_by_apps(routes).iter().map(of_app).collect(),
    };
    Ok(page_with(status, &shown))
}

fn answer(range: Network, keys: &[KeyReach]) -> Answer {
    let line = |kind: RequestKind| Line {
        right: kind.needs.word(),
        what: kind.what,
        harms: !matches!(kind.needs, Permission::Read),
        keys: keys.iter().filter(|key| key.can.contains(&kind)).map(Named::of).collect(),
    };
    Answer {
        from: range.to_string(),
        lines: RequestKind::ALL.into_iter().map(line).filter(|line| !line.keys.is_empty()).collect(),
        keys: keys.iter().map(Named::of).collect(),
    }
}

/// The row of a range. Keys that work from everywhere have a row of their own.
fn row(person: &SignedIn, keys: &LivingKeys, range: Network) -> Row {
    let mut found = keys.usable_within(person.shell.routes(), range);
    found.retain(|key| !key.anywhere);
    Row { from: range.to_string(), cells: cells(&found) }
}

fn cells(keys: &[KeyReach]) -> [Cell; 5] {
    OFFERED.map(|right| {
        let holds = |key: &&KeyReach| key.can.iter().any(|kind| kind.needs == right);
        let names: Vec<String> = keys.iter().filter(holds).map(|key| key.name.to_string()).collect();
        Cell { label: permission_line(right).0, count: names.len(), names: listed(&names) }
    })
}

/// The first names, and how many there are beside them.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn of_app(key: &KeyReach) -> OfApp {
    let can: Vec<&str> = key.can.iter().map(|kind| kind.what).collect();
    OfApp { id: key.id.to_string(), name: key.name.to_string(), app: key.app.clone(), can: can.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn two_names_are_listed_and_the_others_counted() {
        let names = |count: usize| (0..count).map(|at| format!("bot {at}")).collect::<Vec<_>>();
        assert_eq!(listed(&names(0)), "");
        assert_eq!(listed(&names(2)), "bot 0, bot 1");
        assert_eq!(listed(&names(5)), "bot 0, bot 1 and 3 more");
    }
}
