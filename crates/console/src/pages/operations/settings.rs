//! The settings in force and where each came from; policies can be changed here, the rest in the file.

use askama::Template;
use axum::response::Response;
use keyward_authority::operators::{PolicySource, TightenPolicy, master_key_id, name_of, policy_in_force};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::grant::ActionKind;
use keyward_rules::policy::{Direction, Setting};
use keyward_rules::proposal::Change;

use super::officer::{StaffMember, acting};
use super::proposals::link_to;
use crate::pages::confirm::{Confirmation, act};
use crate::pages::layout::{Frame, go, page, problem, told};
use crate::pages::note::Note;
use crate::pages::person::Posted;
use crate::words::When;

/// A policy in the list.
struct Row {
    name: &'static str,
    meaning: &'static str,
    value: String,
    source: String,
}

#[derive(Template)]
#[template(path = "operations/settings.html")]
struct Page<'p> {
    frame: Frame,
    tab: &'static str,
    csrf: &'p str,
    acts: bool,
    alone: bool,
    policies: Vec<Row>,
    master_key: String,
    settings: &'p [crate::shell::SettingShown],
}

const fn meaning(setting: Setting) -> &'static str {
    match setting {
        Setting::OperatorsNeeded(_) => {
            "Different operators that a loosening takes, the one who proposes included: 1 to 5."
        }
        Setting::WithdrawNeedsAddresses(_) => {
            "Whether keys that may withdraw must be bound to addresses: true or false."
        }
        Setting::MaxKeyAgeDays(_) => "Days after which every new key ends: a number, or none.",
        Setting::DesktopBrowserForKeys(_) => {
            "Whether pages make keys in desktop browsers only: true or false."
        }
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
                meaning: meaning(setting),
                value: setting.value(),
                source: source_in_words(&context, source).await.map_err(problem)?,
            });
        }
        Ok(page(&Page {
            frame: Frame::of(&officer.0, "operations", "Settings in force"),
            tab: "settings",
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
        button: "Put it in force",
        danger: false,
        back: "/operations/settings".to_owned(),
        part: "operations",
        words: vec![
            setting.name().to_owned(),
            format!("Until now: {before}. From now on: {}.", setting.value()),
            "It takes effect at once. Going back takes a proposal.".to_owned(),
        ],
        extra: String::new(),
    }
}

/// Changes a policy: a stricter one with a factor, a less strict one by a proposal.
pub async fn change(posted: Posted) -> Response {
    let answer = async {
        let context = acting(&posted.person, ActionKind::TightenPolicy)?;
        let (name, value) = (posted.fields.get("name"), posted.fields.get("value").trim());
        let setting = Setting::parse(name, value)
            .map_err(|_| problem(ActionError::OtherWay("there is no policy of that name with that value")))?;
        let in_force = policy_in_force(&context).await.map_err(problem)?;
        let before = in_force.settings.iter().find(|(one, _)| one.name() == setting.name());
        let before = before.map(|(one, _)| one.value()).unwrap_or_default();
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
