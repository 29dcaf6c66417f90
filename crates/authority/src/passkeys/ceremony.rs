//! Questions to authenticators: put, kept, taken away.

use keyward_rules::grant::NotProven;
use keyward_rules::id::AccountId;
use keyward_rules::limits::{PASSKEY_ANSWER_BYTES, PASSKEY_LIFE_MS};
use keyward_rules::person::{CeremonyId, SessionId};
use keyward_rules::secret::Secret;
use keyward_store::{NewCeremony, PasskeyRecord, StoreError};
use serde_json::{Map, Value};
use webauthn_rs::prelude::Passkey;

use crate::prove::source;
use crate::{ActionContext, ActionError, PendingAction};

/// What an answer is good for. Two purposes never share a text, so no answer serves another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Signing in with nothing else.
    SignIn,
    /// One reset of a lost password, by its challenge.
    Reset(SessionId),
    /// The second step of signing in, for one half session.
    SecondFactor(SessionId),
    /// One step-up, by its challenge, which is bound to action, parameters, account and session.
    StepUp(SessionId),
    /// One confirmation of a session, by where its form goes.
    Confirm(SessionId, String),
    /// One tightening of a session, by the keyed hash of action and parameters.
    Tighten(SessionId, String),
    /// A new passkey, for one session.
    Add(SessionId),
}

impl Purpose {
    /// What confirms exactly `pending`, in the session of the actor.
    ///
    /// # Errors
    /// [`ActionError::NoAccount`] unless a signed-in person acts.
    pub fn of_action(context: &ActionContext<'_>, pending: &PendingAction) -> Result<Self, ActionError> {
        let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
        let intent = pending.intent(context, &format!("account:{}", holder.account));
        let digits = intent.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        Ok(Self::Tighten(holder.session, digits.collect()))
    }

    /// The text that a question is kept under.
    pub(crate) fn bound(&self, account: Option<AccountId>) -> String {
        let whose = account.map(|account| account.to_string()).unwrap_or_default();
        match self {
            Self::SignIn => "sign in".to_owned(),
            Self::Reset(challenge) => format!("reset {challenge}"),
            Self::SecondFactor(half) => format!("second factor {whose} {half}"),
            Self::StepUp(challenge) => format!("step-up {whose} {challenge}"),
            Self::Confirm(session, form) => format!("confirm {whose} {session} {form}"),
            Self::Tighten(session, intent) => format!("tighten {whose} {session} {intent}"),
            Self::Add(session) => format!("add {whose} {session}"),
        }
    }
}

/// A question for an authenticator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Its id, which the answer names.
    pub ceremony: CeremonyId,
    /// The options, as `PublicKeyCredential.parse…OptionsFromJSON` takes them.
    pub options: Value,
}

impl Offer {
    /// Both as one JSON text, for a page.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut whole = Map::new();
        whole.insert("ceremony".to_owned(), Value::String(self.ceremony.to_string()));
        whole.insert("options".to_owned(), self.options.clone());
        Value::Object(whole).to_string()
    }
}

/// What a browser or program gives back: `{"ceremony": …, "credential": …}`.
pub(super) struct Presented {
    /// To which question.
    pub ceremony: CeremonyId,
    /// The credential's JSON (`toJSON()`).
    pub credential: Value,
}

impl Presented {
    /// Reads it; `None` for everything of another form.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > PASSKEY_ANSWER_BYTES {
            return None;
        }
        let Value::Object(mut whole) = serde_json::from_str(text).ok()? else { return None };
        let ceremony = whole.get("ceremony")?.as_str()?.parse().ok()?;
        let credential = whole.remove("credential")?;
        (whole.len() == 1 && credential.is_object()).then_some(Self { ceremony, credential })
    }
}

/// Whether the browser says in its client data, JSON that the answer's signature covers, that the question was put inside a
/// page of another origin: there a person can be led to answer without knowing for whom (WebAuthn level 3, 5.8.1 and 13.4.2).
/// We put no question there. Client data of another form counts as such.
pub(super) fn is_framed(client_data: &[u8]) -> bool {
    let Ok(Value::Object(client)) = serde_json::from_slice(client_data) else { return true };
    let alone = matches!(client.get("crossOrigin"), None | Some(Value::Null | Value::Bool(false)));
    !alone || !matches!(client.get("topOrigin"), None | Some(Value::Null))
}

/// A question that any passkey of `account` answers. `None` where there is none to ask, or too many questions are open:
/// the other factors stay.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn offer_passkey(
    context: &ActionContext<'_>,
    account: AccountId,
    purpose: &Purpose,
) -> Result<Option<Offer>, ActionError> {
    let Some(party) = &context.authority.relying_party else { return Ok(None) };
    let records = context.authority.access.door.passkeys(account).await?;
    if records.is_empty() {
        return Ok(None);
    }
    let passkeys = records.iter().map(credential_of).collect::<Result<Vec<_>, _>>()?;
    let Ok((options, state)) = party.webauthn.start_passkey_authentication(&passkeys) else {
        return Ok(None);
    };
    let options = serde_json::to_value(options.public_key).unwrap_or_default();
    let state = serde_json::to_string(&state).unwrap_or_default();
    keep(context, owner(context, "in"), Some(account), purpose, options, state).await
}

/// A question that a passkey of whichever account answers, before sign-in: it is the same whoever asks, for whatever
/// address, so it tells nobody who has an account or a passkey.
///
/// `lane` separates the counters of a source: pages that were only opened leave room for who presses the button.
///
/// # Errors
/// [`ActionError::NoPasskeysHere`]; [`ActionError::TooManyQuestions`] when this source has too many questions open.
#[crate::boxed]
pub async fn offer_any_passkey(
    context: &ActionContext<'_>,
    purpose: &Purpose,
    lane: &str,
) -> Result<Offer, ActionError> {
    let party = context.authority.relying_party.as_ref().ok_or(ActionError::NoPasskeysHere)?;
    let begun = party.webauthn.start_discoverable_authentication();
    let (options, state) = begun.map_err(|_| ActionError::NoPasskeysHere)?;
    let options = serde_json::to_value(options.public_key).unwrap_or_default();
    let state = serde_json::to_string(&state).unwrap_or_default();
    keep(context, owner(context, lane), None, purpose, options, state)
        .await?
        .ok_or(ActionError::TooManyQuestions)
}

/// Whose open questions are counted together. Before sign-in by source: who knows a password must not use the owner's
/// questions up.
pub(super) fn owner(context: &ActionContext<'_>, lane: &str) -> String {
    match context.actor.person() {
        Some(holder) => format!("account:{}", holder.account),
        None => format!("source:{}:{lane}", source(context)),
    }
}

/// Puts a question away; `None` when `owner` has too many open.
pub(super) async fn keep(
    context: &ActionContext<'_>,
    owner: String,
    account: Option<AccountId>,
    purpose: &Purpose,
    options: Value,
    state: String,
) -> Result<Option<Offer>, ActionError> {
    let ceremony = CeremonyId::from_entropy(context.random());
    let new = NewCeremony {
        id: ceremony,
        owner,
        bound: purpose.bound(account),
        account,
        state: Secret::new(state),
        expires_at: context.now.plus_ms(PASSKEY_LIFE_MS),
    };
    let kept = context.authority.access.door.begin_ceremony(new, context.now).await?;
    Ok(kept.then_some(Offer { ceremony, options }))
}

/// Takes the question away that an answer names: right or wrong, there is no second answer.
pub(super) async fn take(
    context: &ActionContext<'_>,
    ceremony: CeremonyId,
    account: Option<AccountId>,
    purpose: &Purpose,
) -> Result<Secret<String>, ActionError> {
    let taken =
        context.authority.access.door.take_ceremony(ceremony, &purpose.bound(account), context.now).await?;
    Ok(taken.ok_or(NotProven::Wrong)?)
}

/// The credential of a row whose seal opened.
pub(super) fn credential_of(record: &PasskeyRecord) -> Result<Passkey, ActionError> {
    serde_json::from_str(&record.credential)
        .map_err(|_| ActionError::Store(StoreError::Tampered { what: format!("passkey {}", record.id) }))
}

#[cfg(test)]
mod tests {
    use super::{Presented, Purpose, is_framed};
    use keyward_rules::id::AccountId;
    use keyward_rules::person::SessionId;

    #[test]
    fn purposes_share_no_text() {
        let (one, two) = (SessionId::from_entropy([1; 16]), SessionId::from_entropy([2; 16]));
        let purposes = [
            Purpose::SignIn,
            Purpose::Reset(one),
            Purpose::Reset(two),
            Purpose::SecondFactor(one),
            Purpose::StepUp(one),
            Purpose::StepUp(two),
            Purpose::Confirm(one, "/keys/disable-all".to_owned()),
            Purpose::Confirm(one, "/keys/1/delete".to_owned()),
            Purpose::Tighten(one, "a7".repeat(32)),
            Purpose::Tighten(one, "b8".repeat(32)),
            Purpose::Tighten(two, "a7".repeat(32)),
            Purpose::Add(one),
        ];
        let mut texts = Vec::new();
        for purpose in &purposes {
            for account in [AccountId::from_u64(1), AccountId::from_u64(2)] {
                texts.push(purpose.bound(account));
            }
        }
        texts.sort();
        texts.dedup();
        // Signing in and the two resets know no account yet.
        assert_eq!(texts.len(), purposes.len() * 2 - 3);
    }

    #[test]
    fn answers_from_within_other_pages_are_told_apart() {
        let with = |more: &str| {
            format!(r#"{{"type":"webauthn.get","challenge":"AAAA","origin":"https://keys.example"{more}}}"#)
        };
        for own in [
            "",
            r#","crossOrigin":false"#,
            r#","more":{"crossOrigin":true}"#,
            r#","crossOrigin":null,"topOrigin":null"#,
        ] {
            assert!(!is_framed(with(own).as_bytes()), "{own}");
        }
        for framed in [
            r#","crossOrigin":true"#,
            r#","cross\u004frigin":true"#,
            r#","crossOrigin":false,"crossOrigin":true"#,
            r#","crossOrigin":"true""#,
            r#","crossOrigin":"false""#,
            r#","crossOrigin":1"#,
            r#","crossOrigin":0"#,
            r#","crossOrigin":[false]"#,
            r#","crossOrigin":true,"topOrigin":"https://other.example""#,
            r#","crossOrigin":false,"topOrigin":"https://other.example""#,
            r#","topOrigin":"https://keys.example""#,
            r#","topOrigin":false"#,
        ] {
            assert!(is_framed(with(framed).as_bytes()), "{framed}");
        }
        for odd in ["", "[]", "true", "{", "\u{feff}{}", r#""crossOrigin""#] {
            assert!(is_framed(odd.as_bytes()), "{odd}");
        }
    }

    #[test]
    fn answers_are_read_strictly() {
        let id = format!("pc_{}", "a7".repeat(16));
        assert!(Presented::parse(&format!(r#"{{"ceremony":"{id}","credential":{{}}}}"#)).is_some());
        for odd in [
            String::new(),
            "[]".to_owned(),
            format!(r#"{{"ceremony":"{id}"}}"#),
            format!(r#"{{"ceremony":"{id}","credential":"x"}}"#),
            format!(r#"{{"ceremony":"{id}","credential":{{}},"more":1}}"#),
            r#"{"ceremony":"pc_1","credential":{}}"#.to_owned(),
            format!(r#"{{"ceremony":"{id}","credential":{{"a":"{}"}}}}"#, "x".repeat(20_000)),
        ] {
            assert!(Presented::parse(&odd).is_none(), "{odd}");
        }
    }
}
