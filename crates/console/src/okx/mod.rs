//! OKX's endpoints for sub-accounts (OKX contract section 5), which a gateway verifies and hands over: each request as actions and
//! questions, answered in OKX's envelope.
//!
//! Owns: what each endpoint does, and how it answers. Leaves to others: whether the key may ask (the gateway), how the request is
//! read (`rules`), and what a change may do by itself (`authority`).

mod data;
mod refusal;

use keyward_api::sub_accounts::{EndpointCall, EndpointReply};
use keyward_authority::keys::{DeleteKey, KeyNamed, ModifyKey, Outcome};
use keyward_authority::questions::{ManagedKey, SubAccountView, list_sub_accounts, managed_keys};
use keyward_authority::sub_accounts::{CapChange, ChangeSubAccountCap, CreateSubAccount};
use keyward_authority::{
    Action, ActionContext, ActionError, Authority, Delegated, Delegation, delegate, inherited,
};
use keyward_rules::account::SubAccountName;
use keyward_rules::denial::Denial;
use keyward_rules::grant::{Actor, ManagingKey, Origin, Proof};
use keyward_rules::id::{AccountId, ApprovalId, KeyId};
use keyward_rules::key::{KeyName, TransfersOut};
use keyward_rules::okx::sub_accounts::{
    EndpointRefusal, KeyChange, KeyFilter, NewKey, SubAccountFilter, SubAccountRequest, read,
};
use keyward_rules::okx::words_of;
use keyward_rules::person::Device;
use keyward_rules::time::Moment;

use refusal::{Refused, refusal};

/// Carries a verified request out.
pub async fn answer(authority: &Authority, call: &EndpointCall, now: Moment) -> EndpointReply {
    let request = match read(call.endpoint, &call.target, &call.body) {
        Ok(request) => request,
        Err(refusal) => return EndpointReply::refused(&refusal),
    };
    let desk = Desk { authority, call, now };
    let answered = match request {
        SubAccountRequest::CreateSubAccount(name, label) => desk.create_sub_account(name, label).await,
        SubAccountRequest::ListSubAccounts(filter) => desk.list_sub_accounts(&filter).await,
        SubAccountRequest::CreateKey(new) => desk.create_key(*new).await,
        SubAccountRequest::ListKeys(filter) => desk.list_keys(&filter).await,
        SubAccountRequest::ModifyKey(change) => desk.modify_key(change).await,
        SubAccountRequest::DeleteKey(name, key) => desk.delete_key(&name, key).await,
        SubAccountRequest::SetTransferOut(names, on) => desk.set_transfer_out(&names, on).await,
        // Nothing is held in custody by anybody else.
        SubAccountRequest::ListEntrusted => Ok("[]".to_owned()),
    };
    answered.map_or_else(Refused::into_reply, |data| EndpointReply::done(&data))
}

/// One request under way.
struct Desk<'c> {
    authority: &'c Authority,
    call: &'c EndpointCall,
    now: Moment,
}

/// The array of the envelope, or why there is none.
type Data = Result<String, Refused>;

impl Desk<'_> {
    /// The key that asks, about one sub-account or about the list of them.
    fn context(&self, sub_account: Option<AccountId>) -> ActionContext<'_> {
        let actor = ManagingKey {
            key: self.call.key,
            master: self.call.account,
            sub_account,
            request: self.call.request,
            origin: Origin { address: self.call.source, device: Device::of(&self.call.agent) },
        };
        self.authority.context(Actor::Key(actor), self.now)
    }

    async fn all_sub_accounts(&self) -> Result<Vec<SubAccountView>, Refused> {
        list_sub_accounts(&self.context(None), self.call.account).await.map_err(refusal)
    }

    async fn sub_account(&self, name: &SubAccountName) -> Result<SubAccountView, Refused> {
        named(&self.all_sub_accounts().await?, name)
    }

    async fn keys(&self, sub: &SubAccountView) -> Result<Vec<ManagedKey>, Refused> {
        managed_keys(&self.context(Some(sub.id)), sub.id, self.call.environment).await.map_err(refusal)
    }

    async fn key(&self, sub: &SubAccountView, id: KeyId) -> Result<ManagedKey, Refused> {
        let found = self.keys(sub).await?.into_iter().find(|key| key.id == id);
        found.ok_or(Refused::Endpoint(EndpointRefusal::NoKey))
    }

    /// Makes a change, or says that it waits.
    async fn change<A: Delegated>(
        &self,
        context: &ActionContext<'_>,
        action: A,
    ) -> Result<A::Reply, Refused> {
        match delegate(context, self.call.environment, action).await.map_err(refusal)? {
            Delegation::Done(reply) => Ok(reply),
            Delegation::Waiting(id) => Err(Refused::Denied(Denial::ApprovalWaiting(id))),
            Delegation::Refused(id, until) => Err(Refused::Denied(Denial::ApprovalRefused(id, until))),
            Delegation::TooMany => Err(Refused::Denied(Denial::TooManyApprovals)),
        }
    }

    async fn create_sub_account(&self, name: SubAccountName, label: Option<KeyName>) -> Data {
        let context = self.context(None);
        let action = CreateSubAccount { master: self.call.account, name: name.clone(), label: label.clone() };
        action.judge(&context).await.map_err(refusal)?;
        let id = action.perform(&context, Proof::None).await.map_err(refusal)?;
        Ok(data::created_sub_account(&name, label.as_ref(), id, self.now))
    }

    async fn list_sub_accounts(&self, filter: &SubAccountFilter) -> Data {
        let all = self.all_sub_accounts().await?;
        let fits = |one: &SubAccountView| {
            one.settings.life.closed_at().is_none()
                && filter.enabled.is_none_or(|enabled| enabled == one.settings.is_enabled())
                && filter.name.as_ref().is_none_or(|name| *name == one.name)
                && filter.before.is_none_or(|before| one.created_at < before)
                && filter.after.is_none_or(|after| one.created_at > after)
        };
        // The newest first, as OKX's pages go.
        let found = all.iter().rev().filter(|one| fits(one)).take(filter.limit);
        Ok(data::array(found.map(data::sub_account)))
    }

    async fn create_key(&self, new: NewKey) -> Data {
        let sub = self.sub_account(&new.sub_account).await?;
        if sub.settings.frozen_at.is_some() {
            return Err(suspended(&sub));
        }
        let context = self.context(Some(sub.id));
        let wish = inherited(&context, (sub.id, &sub.settings.cap), self.call.environment, new);
        let made = self.change(&context, wish.await.map_err(refusal)?).await?;
        match made {
            Outcome::Made(issued) => Ok(data::created_key(&sub.name, &issued, self.now)),
            // Requests here have no name by which they could be repeated.
            Outcome::MadeBefore(_) => Err(Refused::Endpoint(EndpointRefusal::LabelTaken)),
        }
    }

    async fn list_keys(&self, filter: &KeyFilter) -> Data {
        let sub = self.sub_account(&filter.sub_account).await?;
        let keys = self.keys(&sub).await?;
        let found = keys.iter().filter(|key| filter.key.is_none_or(|id| id == key.id));
        Ok(data::array(found.map(data::key)))
    }

    async fn modify_key(&self, change: KeyChange) -> Data {
        let sub = self.sub_account(&change.sub_account).await?;
        let key = self.key(&sub, change.key).await?;
        // Permissions never change: a program that sends those of the key says nothing new.
        if change.permissions.is_some_and(|asked| words_of(asked) != words_of(key.permissions)) {
            let why = "the permissions of a key never change; create another key".to_owned();
            return Err(Refused::Endpoint(EndpointRefusal::Wrong("perm", why)));
        }
        let context = self.context(Some(sub.id));
        let action = ModifyKey { account: sub.id, key: key.id, name: change.label, to: change.binding };
        unless_unchanged(self.change(&context, action).await)?;
        Ok(data::changed_key(&sub.name, &self.key(&sub, key.id).await?))
    }

    async fn delete_key(&self, name: &SubAccountName, id: KeyId) -> Data {
        let sub = self.sub_account(name).await?;
        let key = self.key(&sub, id).await?;
        let action = DeleteKey(KeyNamed::by_id(key.id));
        action.perform(&self.context(Some(sub.id)), Proof::None).await.map_err(refusal)?;
        Ok(data::deleted_key(&sub.name))
    }

    /// Each sub-account has its own approval, so a request for several can wait in part. What is approved is done when the request
    /// comes again, and what is done is left alone.
    async fn set_transfer_out(&self, names: &[SubAccountName], on: bool) -> Data {
        let all = self.all_sub_accounts().await?;
        let subs = names.iter().map(|name| named(&all, name)).collect::<Result<Vec<_>, _>>()?;
        let to = if on { TransfersOut::ToSubAccounts } else { TransfersOut::ToMaster };
        let context = self.context(None);
        let mut waiting: Vec<(ApprovalId, SubAccountName)> = Vec::new();
        for sub in &subs {
            let action = ChangeSubAccountCap { account: sub.id, to: CapChange::Transfers(to) };
            match unless_unchanged(self.change(&context, action).await) {
                Err(Refused::Denied(Denial::ApprovalWaiting(id))) => waiting.push((id, sub.name.clone())),
                other => other?,
            }
        }
        match waiting.as_slice() {
            [] => Ok(data::array(subs.iter().map(|sub| data::transfer_out(&sub.name, on)))),
            [(id, _)] => Err(Refused::Denied(Denial::ApprovalWaiting(*id))),
            _ => Err(Refused::Waiting(waiting)),
        }
    }
}

/// The sub-account with this name. To programs, one that was closed is gone; one that is being closed is suspended.
fn named(all: &[SubAccountView], name: &SubAccountName) -> Result<SubAccountView, Refused> {
    let found = all.iter().find(|one| one.name == *name && one.settings.life.closed_at().is_none());
    let found = found.ok_or(Refused::Endpoint(EndpointRefusal::NoSubAccount))?;
    if found.settings.life.closing_since().is_some() { Err(suspended(found)) } else { Ok(found.clone()) }
}

fn suspended(sub: &SubAccountView) -> Refused {
    Refused::Endpoint(EndpointRefusal::Suspended(sub.name.as_str().to_owned()))
}

/// A change to what is so already is done.
fn unless_unchanged(changed: Result<(), Refused>) -> Result<(), Refused> {
    match changed {
        Err(Refused::Action(error)) if matches!(*error, ActionError::Unchanged) => Ok(()),
        other => other,
    }
}
