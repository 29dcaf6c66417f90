//! The two forms that change one key: its addresses, and its rotation. What is one question is in `actions`.

use axum::extract::Path;
use axum::response::Response;
use keyward_authority::keys::{ChangeAddresses, DISABLED_SUCCEEDED, KeyNamed, RotateKey, suggest_name};
use keyward_authority::questions::{KeyView, show_key, show_living_key};
use keyward_authority::{ActionError, PendingAction};
use keyward_rules::address::HostBits;
use keyward_rules::grant::ActionKind;
use keyward_rules::id::KeyId;
use keyward_rules::key::{KeyName, KeyRefusal, Passphrase};

use super::confirm::{Confirmation, Halted, act, begin};
use super::field::{Field, Kind, html_of};
use super::key_new::{Addresses, go_to_made, made_page, passphrase_field};
use super::layout::{problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::fields::Fields;
use crate::requests::{reach_of_form, read_binding};

fn asking_addresses(person: &SignedIn, key: &KeyView, fields: &Fields, error: &str) -> Confirmation {
    let anywhere = fields.get("reach") == "anywhere";
    let shown = match fields.get("addresses") {
        "" if key.from != "anywhere" && !anywhere => key.from.replace(',', ", "),
        typed => typed.to_owned(),
    };
    let form = Addresses {
        addresses: shown,
        anywhere: anywhere || (fields.get("reach").is_empty() && key.from == "anywhere"),
        wide: fields.has("wide"),
        error: error.to_owned(),
        focus: !error.is_empty(),
        here: person.holder.origin.address.to_string(),
    };
    Confirmation {
        title: "Change the allowed addresses",
        action: format!("/keys/{}/addresses", key.id),
        button: "Continue",
        danger: false,
        back: format!("/keys/{}", key.id),
        part: "keys",
        words: vec![
            key.name.to_string(),
            "To remove addresses, you need one factor. To add addresses, you also need a code by mail."
                .to_owned(),
        ],
        extra: form.html(),
    }
}

/// The form of addresses.
pub async fn show_addresses(person: SignedIn, Path(id): Path<String>) -> Response {
    match show_living_key(&person.context(), &id).await {
        Ok(key) => begin(&person, &asking_addresses(&person, &key, &Fields::default(), ""), ""),
        Err(refusal) => problem(refusal),
    }
}

/// A change of addresses.
pub async fn addresses(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let key = match show_living_key(&person.context(), &id).await {
        Ok(key) => key,
        Err(refusal) => return problem(refusal),
    };
    let (to, wide) = match read_binding(&reach_of_form(fields), HostBits::Clear) {
        Ok(read) => read,
        Err(cause) => return begin(person, &asking_addresses(person, &key, fields, &cause.sentence()), ""),
    };
    // The page names the key in its words; the form carries no name of its own.
    let which = KeyNamed { id: key.id, name: key.name.to_string() };
    let change = ChangeAddresses { which, to, wide };
    let mut asked = asking_addresses(person, &key, fields, "");
    let asking = |pending: &PendingAction| {
        asked.extra = String::new();
        asked.button = "Change the addresses";
        let narrows = pending.action == ActionKind::NarrowKey;
        asked.title = if narrows { "Limit it to fewer addresses?" } else { "Allow more addresses?" };
        asked.words.clone_from(&pending.words);
        asked
    };
    match act(&posted, &person.context(), change, asking).await {
        Ok(_) => told(person, &format!("/keys/{}", key.id), Note::Done(ActionKind::NarrowKey)).await,
        Err(Halted::Refused(
            refusal @ (ActionError::Unchanged
            | ActionError::Key(
                KeyRefusal::WideRange | KeyRefusal::WithdrawUnbound | KeyRefusal::ManageUnbound,
            )),
        )) => begin(person, &asking_addresses(person, &key, fields, &sentence(&refusal)), ""),
        Err(halted) => halted.into(),
    }
}

fn asking_rotation(key: &KeyView, fields: &Fields, name_error: &str, passphrase_error: &str) -> Confirmation {
    let name = match fields.get("name") {
        "" => suggest_name(&key.name),
        typed => typed.to_owned(),
    };
    let hours = match fields.get("hours") {
        "" => "24",
        typed => typed,
    };
    let inputs = html_of([
        Field::new("name", "Name of the successor", Kind::Text).value(name).error(name_error),
        passphrase_field(fields.get("passphrase"), passphrase_error),
        Field::new("hours", "Hours for which both keys work", Kind::Text)
            .value(hours)
            .hint("1 to 168. Then the old key expires."),
    ]);
    let mut words = vec![
        key.name.to_string(),
        "Its successor has the same rights, addresses, environment and end, and a secret and passphrase of its own."
            .to_owned(),
    ];
    if key.state == "disabled" {
        words.push(format!("{DISABLED_SUCCEEDED}."));
    }
    Confirmation {
        title: "Rotate this key",
        action: format!("/keys/{}/rotate", key.id),
        button: "Continue",
        danger: false,
        back: format!("/keys/{}", key.id),
        part: "keys",
        words,
        extra: inputs.concat(),
    }
}

/// The form of a rotation.
pub async fn show_rotate(person: SignedIn, Path(id): Path<String>) -> Response {
    match show_living_key(&person.context(), &id).await {
        Ok(key) => begin(&person, &asking_rotation(&key, &Fields::default(), "", ""), ""),
        Err(refusal) => problem(refusal),
    }
}

/// A rotation.
pub async fn rotate(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let key = match show_living_key(&person.context(), &id).await {
        Ok(key) => key,
        Err(refusal) => return problem(refusal),
    };
    let name = match KeyName::parse(fields.get("name").trim()) {
        Ok(name) => name,
        Err(wrong) => return begin(person, &asking_rotation(&key, fields, &sentence(&wrong.into()), ""), ""),
    };
    let passphrase = match Passphrase::parse(fields.get("passphrase")) {
        Ok(passphrase) => passphrase,
        Err(wrong) => return begin(person, &asking_rotation(&key, fields, "", &format!("{wrong}.")), ""),
    };
    let hours: u64 = fields.get("hours").trim().parse().unwrap_or(0);
    if let Some(answer) = rotated_already(&posted, key.successor, &name).await {
        return answer;
    }
    let rotation = RotateKey { key: key.id, name, passphrase, overlap_ms: hours.saturating_mul(3_600_000) };
    let mut asked = asking_rotation(&key, fields, "", "");
    let asking = |pending: &PendingAction| {
        asked.extra = String::new();
        asked.title = "Rotate this key?";
        asked.button = "Create the successor";
        asked.words.clone_from(&pending.words);
        asked
    };
    match act(&posted, &person.context(), rotation, asking).await {
        Ok(issued) => made_page(person, &issued),
        Err(Halted::Refused(refusal @ ActionError::Key(KeyRefusal::PassphraseTaken))) => {
            begin(person, &asking_rotation(&key, fields, "", &sentence(&refusal)), "")
        }
        Err(Halted::Refused(refusal @ ActionError::Key(_))) => {
            begin(person, &asking_rotation(&key, fields, &sentence(&refusal), ""), "")
        }
        Err(Halted::Refused(refusal @ ActionError::Overlap)) => {
            begin(person, &asking_rotation(&key, fields, "", ""), &sentence(&refusal))
        }
        Err(halted) => halted.into(),
    }
}

/// Where the second form of a rotation leads when it arrived before: to the successor of that name, without its secret.
async fn rotated_already(posted: &Posted, successor: Option<KeyId>, name: &KeyName) -> Option<Response> {
    if !posted.fields.has("challenge") {
        return None;
    }
    let successor = show_key(&posted.person.context(), successor?).await.ok()?;
    // A successor that has ended took nothing over, and its name is free again.
    if !successor.is_living() || successor.name != *name {
        return None;
    }
    Some(go_to_made(&posted.person, successor.id).await)
}
