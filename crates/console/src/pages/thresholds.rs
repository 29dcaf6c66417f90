//! How much sub-accounts may transfer in a day without asking: the form that changes it.

use axum::response::Response;
use keyward_authority::approvals::ChangeThresholds;
use keyward_authority::questions::transfer_thresholds;
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::approval::Thresholds;
use keyward_rules::grant::ActionKind;

use super::confirm::{Confirmation, Halted, act, begin};
use super::field::{Field, Kind};
use super::layout::{capital, problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};

fn asking(text: &str, error: &str) -> Confirmation {
    let field = Field::new("thresholds", "Thresholds", Kind::Area)
        .optional()
        .value(text)
        .hint("An amount and a currency each, with commas between them: 100 USDT, 0.01 BTC. With none, you are asked about every transfer.")
        .error(error);
    Confirmation {
        title: "Transfer thresholds",
        action: "/approvals/thresholds".to_owned(),
        button: "Continue",
        danger: false,
        back: "/approvals".to_owned(),
        part: "approvals",
        words: vec![
            "Your sub-accounts together may transfer this much in a UTC day without asking you. What goes beyond waits for you."
                .to_owned(),
            "To lower thresholds, you need one factor. For any other change, you also need a code by mail.".to_owned(),
        ],
        extra: field.html(),
    }
}

/// The form.
pub async fn show(person: SignedIn) -> Response {
    match transfer_thresholds(&person.own_context(), person.id()).await {
        Ok((thresholds, _)) => begin(&person, &asking(&thresholds.to_text(), ""), ""),
        Err(refusal) => problem(refusal),
    }
}

/// A change.
pub async fn change(posted: Posted) -> Response {
    let (person, text) = (&posted.person, posted.fields.get("thresholds"));
    let to = match Thresholds::parse(text) {
        Ok(to) => to,
        Err(fault) => {
            let error = format!("{}.", capital(&fault.to_string()));
            return begin(person, &asking(text, &error), "");
        }
    };
    let mut asked = asking(text, "");
    let confirm = |pending: &PendingAction| {
        asked.extra = String::new();
        asked.button = "Change the thresholds";
        let lower = pending.action == ActionKind::TightenThresholds;
        asked.title = if lower { "Lower the transfer thresholds?" } else { "Raise the transfer thresholds?" };
        asked.words.clone_from(&pending.words);
        asked
    };
    let action = ChangeThresholds { account: person.id(), to };
    match act(&posted, &person.own_context(), action, confirm).await {
        Ok(()) => told(person, "/approvals", Note::Done(ActionKind::TightenThresholds)).await,
        Err(Halted::Refused(refusal @ ActionError::Unchanged)) => {
            begin(person, &asking(text, ""), &sentence(&refusal))
        }
        Err(halted) => halted.into(),
    }
}
