//! The limits of an account, over all its keys: what they are, and the form that changes them.

use axum::response::Response;
use keyward_authority::accounts::ChangeAccountLimits;
use keyward_authority::questions::account_limits;
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::grant::ActionKind;

use super::confirm::{Confirmation, Halted, act, begin};
use super::key_limits::{LimitsFields, UsedToday};
use super::layout::{problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::requests::{FormFault, LimitsForm, limits_of_form};

fn asking(form: LimitsForm, fault: Option<&FormFault>) -> Confirmation {
    Confirmation {
        title: "Limits of the account",
        action: "/limits".to_owned(),
        button: "Continue",
        danger: false,
        back: "/keys".to_owned(),
        part: "keys",
        words: vec![
            "They hold over all keys of the account together, beside each key's own limits. The stricter one decides."
                .to_owned(),
            "To make limits stricter, you need one factor. For any other change, you also need a code by mail."
                .to_owned(),
        ],
        extra: LimitsFields::of(form, fault, true).html(),
    }
}

/// The form.
pub async fn show(person: SignedIn) -> Response {
    let sums = &*person.shell.settings().day_sums;
    match account_limits(&person.context(), sums, person.acts_for()).await {
        Ok(limits) => {
            let mut asked = asking(LimitsForm::showing(&limits.fences), None);
            asked.extra.insert_str(0, &UsedToday::of(limits.used).html());
            begin(&person, &asked, "")
        }
        Err(refusal) => problem(refusal),
    }
}

/// A change of limits.
pub async fn change(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let again =
        |fault: Option<&FormFault>, error: &str| begin(person, &asking(LimitsForm::of(fields), fault), error);
    let to = match limits_of_form(fields) {
        Ok(to) => to,
        Err(fault) => return again(Some(&fault), ""),
    };
    let mut asked = asking(LimitsForm::default(), None);
    let confirm = |pending: &PendingAction| {
        asked.extra = String::new();
        asked.button = "Change the limits";
        let stricter = pending.action == ActionKind::TightenAccountLimits;
        asked.title =
            if stricter { "Make the account's limits stricter?" } else { "Change the account's limits?" };
        asked.words.clone_from(&pending.words);
        asked
    };
    let action = ChangeAccountLimits { account: person.acts_for(), to };
    match act(&posted, &person.context(), action, confirm).await {
        Ok(_) => told(person, "/keys", Note::Done(ActionKind::TightenAccountLimits)).await,
        Err(Halted::Refused(refusal @ (ActionError::Unchanged | ActionError::NoMarketData))) => {
            again(None, &sentence(&refusal))
        }
        Err(halted) => halted.into(),
    }
}
