//! What a holder does to a key: each asks before it acts, and names the key.

use axum::extract::Path;
use axum::response::Response;
use keyward_authority::keys::{
    AddressChange, DISABLED_SUCCEEDED, KeyNamed, RotationWish, change_addresses, check_rotation, delete_key,
    disable_all_keys, disable_key, enable_key, end_overlap, plan_addresses, plan_enable, report_leak,
    rotate_key, rotation_matter, suggest_name,
};
use keyward_authority::questions::{KeyView, show_key};
use keyward_authority::{ActionError, Matter};
use keyward_rules::grant::Proof;
use keyward_rules::id::KeyId;
use keyward_rules::key::{KeyName, KeyRefusal, LifeRefusal, Passphrase, WideRange};

use super::confirm::{Asking, Ceremony, ask_one, begin, one_factor, step_up, tighten as confirm_tightening};
use super::field::{Field, Kind, html_of};
use super::key_new::{Addresses, binding, go_to_made, made_page, passphrase_field};
use super::layout::{problem, sentence, told};
use super::note::Note;
use super::person::{Posted, SignedIn};
use crate::fields::Fields;

/// A tightening of one key: what its page says, and where it leads.
struct Tightening {
    title: &'static str,
    button: &'static str,
    danger: bool,
    path: &'static str,
    warning: &'static str,
    note: Note,
}

const DISABLE: Tightening = Tightening {
    title: "Disable this key?",
    button: "Disable the key",
    danger: true,
    path: "disable",
    warning: "Software that uses it is refused within a second. You can enable it again, with a code by mail.",
    note: Note::Disabled,
};
const DELETE: Tightening = Tightening {
    title: "Delete this key for good?",
    button: "Delete the key",
    danger: true,
    path: "delete",
    warning: "Software that uses it is refused within a second, for ever. This cannot be undone: if in doubt, disable it.",
    note: Note::Deleted,
};
const LEAKED: Tightening = Tightening {
    title: "This key leaked?",
    button: "Disable it now",
    danger: true,
    path: "leaked",
    warning: "It is disabled at once. Then you see what it did last, make a successor with fewer rights, and get a list of what to update.",
    note: Note::Leaked,
};
const OVERLAP: Tightening = Tightening {
    title: "End the overlap now?",
    button: "End the old key",
    danger: true,
    path: "end-overlap",
    warning: "The old key ends for good; from now on only its successor works.",
    note: Note::Ended,
};

fn asking(tightening: &Tightening, key: &KeyView) -> Asking {
    let used = match key.last_used_at {
        None => "It was never used.".to_owned(),
        Some(at) => format!("Last used {}.", crate::words::When::of(at).utc),
    };
    Asking {
        title: tightening.title,
        action: format!("/keys/{}/{}", key.id, tightening.path),
        button: tightening.button,
        danger: tightening.danger,
        back: format!("/keys/{}", key.id),
        part: "keys",
        words: vec![format!("{} ({})", key.name, key.id), used, tightening.warning.to_owned()],
        extra: String::new(),
    }
}

async fn find(person: &SignedIn, id: &str) -> Result<KeyView, Response> {
    let id: KeyId = id.parse().map_err(|_| problem(ActionError::NoKey))?;
    show_key(&person.desk(), id).await.map_err(problem)
}

/// The same, as long as something can be done with it: a key that has ended is refused before any form, mail or try.
async fn living(person: &SignedIn, id: &str) -> Result<KeyView, Response> {
    let key = find(person, id).await?;
    if key.is_living() { Ok(key) } else { Err(problem(LifeRefusal::Ended.into())) }
}

async fn ask(person: &SignedIn, id: &str, tightening: &Tightening) -> Response {
    match living(person, id).await {
        Ok(key) => {
            let fields = Fields(vec![("name".to_owned(), key.name.to_string())]);
            ask_one(person, &asking(tightening, &key), &fields, "").await
        }
        Err(answer) => answer,
    }
}

/// Which of the tightenings.
#[derive(Clone, Copy)]
enum Which {
    Disable,
    Delete,
    Leaked,
    Overlap,
}

async fn tighten(posted: Posted, id: &str, tightening: &Tightening, which: Which) -> Response {
    let person = &posted.person;
    let key = match living(person, id).await {
        Ok(key) => key,
        Err(answer) => return answer,
    };
    let proof = match one_factor(&posted, &asking(tightening, &key)).await {
        Ceremony::Proven(proof) => proof,
        Ceremony::Page(answer) => return answer,
    };
    let named = KeyNamed { id: key.id, name: posted.fields.get("name").to_owned() };
    let desk = person.desk();
    let done = match which {
        Which::Disable => disable_key(&desk, proof, &named).await,
        Which::Delete => delete_key(&desk, proof, &named).await,
        Which::Leaked => report_leak(&desk, proof, &named).await,
        Which::Overlap => end_overlap(&desk, proof, &named).await,
    };
    match done {
        Ok(_) => told(person, &format!("/keys/{}", key.id), tightening.note).await,
        Err(other) => problem(other),
    }
}

/// Before disabling.
pub async fn show_disable(person: SignedIn, Path(id): Path<String>) -> Response {
    ask(&person, &id, &DISABLE).await
}

/// Disabling.
pub async fn disable(Path(id): Path<String>, posted: Posted) -> Response {
    tighten(posted, &id, &DISABLE, Which::Disable).await
}

/// Before deleting.
pub async fn show_delete(person: SignedIn, Path(id): Path<String>) -> Response {
    ask(&person, &id, &DELETE).await
}

/// Deleting.
pub async fn delete(Path(id): Path<String>, posted: Posted) -> Response {
    tighten(posted, &id, &DELETE, Which::Delete).await
}

/// Before reporting a leak.
pub async fn show_leaked(person: SignedIn, Path(id): Path<String>) -> Response {
    ask(&person, &id, &LEAKED).await
}

/// Reporting a leak.
pub async fn leaked(Path(id): Path<String>, posted: Posted) -> Response {
    tighten(posted, &id, &LEAKED, Which::Leaked).await
}

/// Before ending an overlap.
pub async fn show_overlap(person: SignedIn, Path(id): Path<String>) -> Response {
    ask(&person, &id, &OVERLAP).await
}

/// Ending an overlap.
pub async fn overlap(Path(id): Path<String>, posted: Posted) -> Response {
    tighten(posted, &id, &OVERLAP, Which::Overlap).await
}

fn asking_enable(id: KeyId, matter: &Matter) -> Asking {
    Asking {
        title: "Enable this key?",
        action: format!("/keys/{id}/enable"),
        button: "Enable the key",
        danger: false,
        back: format!("/keys/{id}"),
        part: "keys",
        words: matter.words.clone(),
        extra: String::new(),
    }
}

/// What enabling a key is approved as, if it can be enabled.
async fn enabling(person: &SignedIn, id: &str) -> Result<(KeyId, Matter), ActionError> {
    let id = id.parse().map_err(|_| ActionError::NoKey)?;
    Ok((id, plan_enable(&person.desk(), id).await?))
}

/// Before enabling.
pub async fn show_enable(person: SignedIn, Path(id): Path<String>) -> Response {
    match enabling(&person, &id).await {
        Ok((id, matter)) => begin(&person, &asking_enable(id, &matter), ""),
        Err(other) => problem(other),
    }
}

/// Enabling.
pub async fn enable(Path(id): Path<String>, posted: Posted) -> Response {
    let person = &posted.person;
    let (id, matter) = match enabling(person, &id).await {
        Ok(planned) => planned,
        Err(other) => return problem(other),
    };
    let proof = match step_up(&posted, &asking_enable(id, &matter), &matter).await {
        Ceremony::Proven(proof) => proof,
        Ceremony::Page(answer) => return answer,
    };
    match enable_key(&person.desk(), proof, id).await {
        Ok(_) => told(person, &format!("/keys/{id}"), Note::Enabled).await,
        Err(other) => problem(other),
    }
}

fn asking_addresses(person: &SignedIn, key: &KeyView, fields: &Fields, error: &str) -> Asking {
    let anywhere = fields.get("reach") == "anywhere";
    let shown = match fields.get("addresses") {
        "" if key.from != "anywhere" && !anywhere => key.from.clone(),
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
    Asking {
        title: "Change where it works from",
        action: format!("/keys/{}/addresses", key.id),
        button: "Continue",
        danger: false,
        back: format!("/keys/{}", key.id),
        part: "keys",
        words: vec![
            format!("{} ({})", key.name, key.id),
            "Fewer addresses take effect on one factor. More need a code by mail.".to_owned(),
        ],
        extra: form.html(),
    }
}

/// The form of addresses.
pub async fn show_addresses(person: SignedIn, Path(id): Path<String>) -> Response {
    match living(&person, &id).await {
        Ok(key) => begin(&person, &asking_addresses(&person, &key, &Fields::default(), ""), ""),
        Err(answer) => answer,
    }
}

/// A change of addresses.
pub async fn addresses(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let key = match living(person, &id).await {
        Ok(key) => key,
        Err(answer) => return answer,
    };
    let wide = if fields.has("wide") { WideRange::Acknowledged } else { WideRange::NotAcknowledged };
    let planned = async {
        let to = binding(fields)?;
        Ok::<_, ActionError>((plan_addresses(&person.desk(), key.id, &to, wide).await?, to))
    };
    let (change, to) = match planned.await {
        Ok(planned) => planned,
        Err(
            refusal @ (ActionError::Addresses(_)
            | ActionError::Unchanged
            | ActionError::Key(
                KeyRefusal::WideRange | KeyRefusal::WithdrawUnbound | KeyRefusal::ManageUnbound,
            )),
        ) => {
            return begin(person, &asking_addresses(person, &key, fields, &sentence(&refusal)), "");
        }
        Err(other) => return problem(other),
    };
    let mut asking = asking_addresses(person, &key, fields, "");
    asking.extra = String::new();
    let ceremony = match change {
        AddressChange::Narrows(matter) => {
            asking.title = "Narrow where it works from?";
            asking.button = "Change the addresses";
            asking.words = vec![
                format!("{} ({})", key.name, key.id),
                format!("Until now: {}", key.from),
                format!("From now on: {}", keyward_authority::questions::reach_in_words(&to)),
            ];
            confirm_tightening(&posted, &asking, &matter).await
        }
        AddressChange::Widens(matter) => {
            asking.title = "Let it work from more addresses?";
            asking.button = "Change the addresses";
            asking.words.clone_from(&matter.words);
            step_up(&posted, &asking, &matter).await
        }
    };
    let proof: Proof = match ceremony {
        Ceremony::Proven(proof) => proof,
        Ceremony::Page(answer) => return answer,
    };
    // The page named the key in its words; the form carries no name of its own.
    let named = KeyNamed { id: key.id, name: key.name.to_string() };
    match change_addresses(&person.desk(), proof, &named, to, wide).await {
        Ok(_) => told(person, &format!("/keys/{}", key.id), Note::Addresses).await,
        Err(other) => problem(other),
    }
}

fn asking_rotation(key: &KeyView, fields: &Fields, name_error: &str, passphrase_error: &str) -> Asking {
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
            .hint("1 to 168. The old key ends by itself afterwards."),
    ]);
    let mut words = vec![
        format!("{} ({})", key.name, key.id),
        "Its successor has the same rights, addresses, environment and end, and a secret and passphrase of its own."
            .to_owned(),
    ];
    if key.state == "disabled" {
        words.push(format!("{DISABLED_SUCCEEDED}."));
    }
    Asking {
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
    match living(&person, &id).await {
        Ok(key) => begin(&person, &asking_rotation(&key, &Fields::default(), "", ""), ""),
        Err(answer) => answer,
    }
}

/// A rotation.
pub async fn rotate(Path(id): Path<String>, posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let key = match living(person, &id).await {
        Ok(key) => key,
        Err(answer) => return answer,
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
    let wish = RotationWish { key: key.id, name, passphrase, overlap_ms: hours.saturating_mul(3_600_000) };
    let plan = match check_rotation(&person.desk(), &wish).await {
        Ok(plan) => plan,
        Err(refusal @ ActionError::Key(_)) => {
            return begin(person, &asking_rotation(&key, fields, &sentence(&refusal), ""), "");
        }
        Err(refusal @ ActionError::Overlap) => {
            return begin(person, &asking_rotation(&key, fields, "", ""), &sentence(&refusal));
        }
        Err(refusal) => {
            let rotated = rotated_already(&posted, &wish).await;
            return rotated.unwrap_or_else(|| problem(refusal));
        }
    };
    let matter = rotation_matter(&wish, &plan);
    let mut asking = asking_rotation(&key, fields, "", "");
    asking.extra = String::new();
    asking.title = "Rotate this key?";
    asking.button = "Make the successor";
    asking.words.clone_from(&matter.words);
    let proof = match step_up(&posted, &asking, &matter).await {
        Ceremony::Proven(proof) => proof,
        Ceremony::Page(answer) => return rotated_already(&posted, &wish).await.unwrap_or(answer),
    };
    match rotate_key(&person.desk(), proof, wish).await {
        Ok(issued) => made_page(person, &issued),
        Err(refusal @ ActionError::Key(KeyRefusal::PassphraseTaken)) => {
            begin(person, &asking_rotation(&key, fields, "", &sentence(&refusal)), "")
        }
        Err(other) => problem(other),
    }
}

/// Where the second form of a rotation leads when it arrived before: to the successor of the wished name, without its secret.
async fn rotated_already(posted: &Posted, wish: &RotationWish) -> Option<Response> {
    if !posted.fields.has("challenge") {
        return None;
    }
    let desk = posted.person.desk();
    let successor = show_key(&desk, show_key(&desk, wish.key).await.ok()?.successor?).await.ok()?;
    if successor.name != wish.name {
        return None;
    }
    Some(go_to_made(&posted.person, successor.id).await)
}

fn asking_all() -> Asking {
    Asking {
        title: "Disable all API keys?",
        action: "/keys/disable-all".to_owned(),
        button: "Disable all keys",
        danger: true,
        back: "/keys".to_owned(),
        part: "keys",
        words: vec![
            "Every key of this account and of its sub-accounts".to_owned(),
            "All software that uses them is refused within a second. You enable them again one by one, each with a code by mail.".to_owned(),
        ],
        extra: String::new(),
    }
}

/// Before disabling all keys.
pub async fn show_disable_all(person: SignedIn) -> Response {
    ask_one(&person, &asking_all(), &Fields::default(), "").await
}

/// Disabling all keys.
pub async fn disable_all(posted: Posted) -> Response {
    let proof = match one_factor(&posted, &asking_all()).await {
        Ceremony::Proven(proof) => proof,
        Ceremony::Page(answer) => return answer,
    };
    let person = &posted.person;
    match disable_all_keys(&person.desk(), proof, person.id()).await {
        Ok(_) => told(person, "/keys", Note::AllDisabled).await,
        Err(other) => problem(other),
    }
}
