//! The settings in force and where each came from; policies can be changed here, the rest in the file.

use askama::Template;
use axum::response::Response;
use keyward_authority::operators::{PolicySource, TightenPolicy, master_key_id, name_of, policy_in_force};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::grant::ActionKind;
use keyward_rules::key::Need;
use keyward_rules::limits::{ACCOUNTS_AT_ONCE_BOUNDS, NEW_DEVICE_MOST_HOURS};
use keyward_rules::policy::{Direction, ReviewPolicy, Setting};
use keyward_rules::proposal::Change;

use super::officer::{StaffMember, acting};
use super::proposals::link_to;
use crate::pages::confirm::{Confirmation, act};
use crate::pages::layout::{Frame, go, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::Posted;
use crate::words::When;

/// How a policy is changed on the page.
enum Control {
    /// A switch: on or off.
    Switch { on: bool },
    /// A number within bounds; empty stands for none where that is a value.
    Number { value: String, most: u32, or_none: bool },
    /// One of some words: each with its title, and whether it is in force.
    Choice { words: Vec<(&'static str, &'static str, bool)> },
}

/// What each value of the policy on reviews does.
const fn review_in_words(review: ReviewPolicy) -> &'static str {
    match review {
        ReviewPolicy::Off => "off",
        ReviewPolicy::Remind => "remind users",
    }
}

impl Control {
    fn of(setting: Setting) -> Self {
        let switch = |need| Self::Switch { on: need == Need::Required };
        match setting {
            Setting::OperatorsNeeded(needed) => {
                Self::Number { value: needed.operators().to_string(), most: 5, or_none: false }
            }
            Setting::MaxKeyAgeDays(days) => {
                let value = days.map(|days| days.to_string()).unwrap_or_default();
                Self::Number { value, most: u16::MAX.into(), or_none: true }
            }
            Setting::WithdrawNeedsAddresses(need)
            | Setting::DesktopBrowserForKeys(need)
            | Setting::QuarantineOnSignals(need) => switch(need),
            Setting::NewDeviceHours(hours) => {
                let value = hours.map(|hours| hours.to_string()).unwrap_or_default();
                Self::Number { value, most: NEW_DEVICE_MOST_HOURS.into(), or_none: true }
            }
            Setting::AccountsAtOnce(count) => {
                let value = count.map(|count| count.to_string()).unwrap_or_default();
                Self::Number { value, most: ACCOUNTS_AT_ONCE_BOUNDS.1.into(), or_none: true }
            }
            Setting::Review(in_force) => Self::Choice {
                words: ReviewPolicy::ALL
                    .map(|one| (one.word(), review_in_words(one), one == in_force))
                    .to_vec(),
            },
        }
    }
}

/// A policy in the list.
struct Row {
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    /// Its value for people.
    value: String,
    control: Control,
    source: String,
}

#[derive(Template)]
#[template(path = "operations/settings.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    acts: bool,
    alone: bool,
    policies: Vec<Row>,
    master_key: String,
    settings: &'p [crate::shell::SettingShown],
}

/// The title of a policy, and what it does.
const fn described(setting: Setting) -> (&'static str, &'static str) {
    match setting {
        Setting::OperatorsNeeded(_) => (
            "Operators who must agree",
            "How many operators must agree to a change that gives more access. The operator who proposes it counts.",
        ),
        Setting::WithdrawNeedsAddresses(_) => (
            "Withdraw keys need bound addresses",
            "A key that may withdraw can be created only if it is bound to addresses.",
        ),
        Setting::MaxKeyAgeDays(_) => (
            "Longest life of a new key, in days",
            "Every new key ends after this many days at the latest. Leave it empty for no limit.",
        ),
        Setting::DesktopBrowserForKeys(_) => (
            "Create keys in desktop browsers only",
            "The pages for a new key do not open on phones and tablets. The API is not affected.",
        ),
        Setting::QuarantineOnSignals(_) => (
            "Quarantine keys that do unusual things",
            "A key that does two different unusual things within ten minutes only reads and cancels until its user lifts that.",
        ),
        Setting::Review(_) => (
            "Monthly review of keys",
            "Users are asked to review their keys every 30 days, and reminded 7 and 14 days later.",
        ),
        Setting::NewDeviceHours(_) => (
            "Waiting time of a new device, in hours",
            "A key that a user creates or changes on a device that is newer than this only reads. Leave it empty to switch this off.",
        ),
        Setting::AccountsAtOnce(_) => (
            "Accounts that do the same unusual thing at once",
            "Operators get an alert when so many accounts begin the same unusual use within two minutes. Leave it empty for no alert.",
        ),
    }
}

/// Its value for people.
fn value_in_words(setting: Setting) -> String {
    match setting {
        Setting::OperatorsNeeded(needed) => needed.operators().to_string(),
        Setting::MaxKeyAgeDays(Some(days)) => format!("{days} days"),
        Setting::MaxKeyAgeDays(None) => "no limit".to_owned(),
        Setting::WithdrawNeedsAddresses(need)
        | Setting::DesktopBrowserForKeys(need)
        | Setting::QuarantineOnSignals(need) => if need == Need::Required { "on" } else { "off" }.to_owned(),
        Setting::Review(review) => review_in_words(review).to_owned(),
        Setting::NewDeviceHours(Some(hours)) => format!("{hours} hours"),
        Setting::AccountsAtOnce(Some(count)) => format!("{count} accounts"),
        Setting::NewDeviceHours(None) | Setting::AccountsAtOnce(None) => "off".to_owned(),
    }
}

async fn source_in_words(context: &ActionContext<'_>, source: PolicySource) -> Result<String, ActionError> {
    Ok(match source {
        PolicySource::Default => "default".to_owned(),
        PolicySource::File => "configuration file".to_owned(),
        PolicySource::Console(at, by) => {
            format!("set here by {}, {}", name_of(context, by).await?, When::of(at).utc)
        }
    })
}

/// The page.
pub async fn show(officer: StaffMember) -> Response {
    let answer = async {
        let context = officer.context()?;
        let in_force = policy_in_force(&context).await.map_err(problem)?;
        let mut policies = Vec::new();
        for (setting, source) in in_force.settings {
            policies.push(Row {
                name: setting.name(),
                title: described(setting).0,
                meaning: described(setting).1,
                value: value_in_words(setting),
                control: Control::of(setting),
                source: source_in_words(&context, source).await.map_err(problem)?,
            });
        }
        Ok(page(&Page {
            frame: Frame::of(&officer.0, "operations/settings", "Settings in force"),
            csrf: &officer.0.csrf,
            acts: officer.acts(),
            alone: in_force.policy.needed.approvals() == 0,
            policies,
            master_key: master_key_id(&context).await.map_err(problem)?.to_string(),
            settings: &officer.0.shell.settings().shown,
        }))
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}

fn asking(setting: Setting, before: &str) -> Confirmation {
    Confirmation {
        title: "Make this policy stricter?",
        action: "/operations/settings".to_owned(),
        button: "Change the policy",
        danger: false,
        back: "/operations/settings".to_owned(),
        part: "operations/settings",
        words: vec![
            described(setting).0.to_owned(),
            format!("Until now: {before}. From now on: {}.", value_in_words(setting)),
            "It takes effect at once. To undo it, make a proposal.".to_owned(),
        ],
        extra: String::new(),
    }
}

/// Changes a policy: a stricter one with a factor, a less strict one by a proposal.
pub async fn change(posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::TightenPolicy)?;
        let (name, typed) = (posted.fields.get("name"), posted.fields.get("value").trim());
        // An empty field of a number means that there is none.
        let value = if typed.is_empty() { "none" } else { typed };
        let setting = Setting::parse(name, value)
            .map_err(|_| problem(ActionError::OtherWay("this policy or this value does not exist")))?;
        let in_force = policy_in_force(&context).await.map_err(problem)?;
        let before = in_force.settings.iter().find(|(one, _)| one.name() == setting.name());
        let before = before.map(|(one, _)| value_in_words(*one)).unwrap_or_default();
        match setting.direction(&in_force.policy) {
            Direction::Same => return Err(problem(ActionError::Unchanged)),
            Direction::Looser => return Ok(go(&link_to(Change::Loosen(setting)))),
            Direction::Tighter => {}
        }
        act(&posted, &context, TightenPolicy(setting), |_| asking(setting, &before)).await?;
        Ok(told(&posted.person, "/operations/settings", Note::Done(ActionKind::TightenPolicy)).await)
    };
    answer.await.unwrap_or_else(|answer: Response| answer)
}
