//! Action: add a passkey.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, NotApproved, Proof, TwoFactor};
use keyward_rules::id::AccountId;
use keyward_rules::key::{Hold, KeyName};
use keyward_rules::limits::PASSKEYS_PER_ACCOUNT;
use keyward_rules::person::{CeremonyId, PasskeyId, RecoveryCode};
use keyward_store::{AccountKind, NewPasskey};
use serde_json::Value;
use webauthn_rs::prelude::{CredentialID, PasskeyRegistration, RegisterPublicKeyCredential};

use super::ceremony::{Presented, credential_of, is_framed, keep, owner};
use super::user_handle::user_handle;
use super::{Offer, Purpose};
use crate::accounts::{Enrolled, family_holds, recovery_codes};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Add a passkey, whose answer [`try_new_passkey`] found right. The first second factor brings recovery codes and lifts the hold
/// on the keys; another one changes nothing else.
pub struct EnrolPasskey {
    account: AccountId,
    ceremony: CeremonyId,
    name: KeyName,
    handle: Vec<u8>,
    credential: String,
    counter: u32,
}

/// Asks the browser for a new passkey.
///
/// # Errors
/// [`ActionError::NoPasskeysHere`], [`ActionError::TooManyPasskeys`], [`ActionError::TooManyQuestions`].
#[crate::boxed]
pub async fn offer_new_passkey(context: &ActionContext<'_>) -> Result<Offer, ActionError> {
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let party = context.authority.relying_party.as_ref().ok_or(ActionError::NoPasskeysHere)?;
    let door = &context.authority.access.door;
    let record = door.account(holder.account).await?.ok_or(ActionError::NoAccount)?;
    let AccountKind::Master(email) = record.kind else { return Err(ActionError::NoAccount) };
    let there = door.passkeys(holder.account).await?;
    if there.len() >= PASSKEYS_PER_ACCOUNT {
        return Err(ActionError::TooManyPasskeys);
    }
    let known = there.iter().map(|one| credential_of(one).map(|passkey| passkey.cred_id().clone()));
    let known = known.collect::<Result<Vec<CredentialID>, _>>()?;
    let (id, name) = (user_handle(context, holder.account), email.as_str());
    let begun = party.webauthn.start_passkey_registration(id, name, name, Some(known));
    let (options, state) = begun.map_err(|_| ActionError::NotAPasskey)?;
    let mut options = serde_json::to_value(options.public_key).unwrap_or_default();
    // Kept on the device under the account, or it could not sign in alone.
    if let Some(Value::Object(wish)) = options.get_mut("authenticatorSelection") {
        wish.insert("residentKey".to_owned(), Value::from("required"));
        wish.insert("requireResidentKey".to_owned(), Value::from(true));
    }
    let state = serde_json::to_string(&state).unwrap_or_default();
    let purpose = Purpose::Add(holder.session);
    keep(context, owner(context, "in"), Some(holder.account), &purpose, options, state)
        .await?
        .ok_or(ActionError::TooManyQuestions)
}

/// Checks what the browser made; gives the action that adds it to the actor's account. The question stays: the same answer comes
/// again with the step-up.
///
/// # Errors
/// [`ActionError::Name`]; [`ActionError::NotAPasskey`] for everything that is not right, late or used.
#[crate::boxed]
pub async fn try_new_passkey(
    context: &ActionContext<'_>,
    name: &str,
    text: &str,
) -> Result<EnrolPasskey, ActionError> {
    let holder = context.actor.person().ok_or(ActionError::NoAccount)?;
    let party = context.authority.relying_party.as_ref().ok_or(ActionError::NoPasskeysHere)?;
    let name = KeyName::parse(name.trim())?;
    let wrong = || ActionError::NotAPasskey;
    let Presented { ceremony, credential } = Presented::parse(text).ok_or_else(wrong)?;
    let bound = Purpose::Add(holder.session).bound(Some(holder.account));
    let door = &context.authority.access.door;
    let state = door.look_at_ceremony(ceremony, &bound, context.now).await?.ok_or_else(wrong)?;
    let state: PasskeyRegistration = serde_json::from_str(state.expose()).map_err(|_| wrong())?;
    let answer: RegisterPublicKeyCredential = serde_json::from_value(credential).map_err(|_| wrong())?;
    if is_framed(&answer.response.client_data_json) {
        return Err(wrong());
    }
    let passkey = party.webauthn.finish_passkey_registration(&answer, &state).map_err(|_| wrong())?;
    let whole = serde_json::to_value(&passkey).map_err(|_| wrong())?;
    // The library shows the counter nowhere else.
    let counter = whole.pointer("/cred/counter").and_then(Value::as_u64);
    let counter = counter.and_then(|counter| u32::try_from(counter).ok()).ok_or_else(wrong)?;
    let handle = passkey.cred_id().to_vec();
    Ok(EnrolPasskey {
        account: holder.account,
        ceremony,
        name,
        handle,
        credential: whole.to_string(),
        counter,
    })
}

#[async_trait]
impl Action for EnrolPasskey {
    type Reply = Enrolled;

    /// This passkey is approved, by its public key, under this name.
    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        Ok(PendingAction {
            action: ActionKind::EnrolPasskey,
            facts: vec![
                ("name", self.name.to_string()),
                ("ceremony", self.ceremony.to_string()),
                ("credential", self.credential.clone()),
            ],
            words: vec![
                format!("Add the passkey “{}” to your account", self.name),
                "It allows sign-in without the password.".to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NotAPasskey`] when the question was answered meanwhile, [`ActionError::TooManyPasskeys`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { account, ceremony, name, handle, credential, counter } = self;
        let first_only = matches!(proof, Proof::FirstSession(_));
        let grant = context.actor.may(ActionKind::EnrolPasskey, proof)?;
        let session = context.session().ok_or(ActionError::NoAccount)?;
        let bound = Purpose::Add(session).bound(Some(account));
        let door = &context.authority.access.door;
        if door.take_ceremony(ceremony, &bound, context.now).await?.is_none() {
            return Err(ActionError::NotAPasskey);
        }
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let person = tx.person(account).await?.ok_or(ActionError::NoAccount)?;
        if person.passkeys >= PASSKEYS_PER_ACCOUNT {
            return Err(ActionError::TooManyPasskeys);
        }
        let id = PasskeyId::from_entropy(context.random());
        let detail = format!("It is called “{name}”.");
        tx.insert_passkey(&NewPasskey { id, account, name, handle, credential, counter }).await?;
        let mut codes = Vec::new();
        match person.two_factor() {
            // Another factor was faster: from here on the first session proves nothing.
            TwoFactor::On if first_only => return Err(NotApproved::Over.into()),
            // One more factor: nothing was reset (product.md 2).
            TwoFactor::On => {}
            TwoFactor::Off => {
                codes = recovery_codes::write(context, &mut tx, account).await?;
                family_holds(&mut tx, account, |key| Some(key.life.release(Hold::TwoFactorOff))).await?;
            }
        }
        let alert = tell::by_actor(context, AlertKind::PasskeyAdded, account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [("passkey", id.to_string())];
        let event = Event::of(tx.grant(), context.now, &format!("account:{account}"), &facts);
        tx.commit(event).await?;
        Ok(Enrolled { recovery_codes: codes.iter().map(RecoveryCode::shown).collect() })
    }
}
