//! Action: create a sub-account of a master account.

use async_trait::async_trait;
use keyward_rules::account::SubAccountName;
use keyward_rules::alert::AlertKind;
use keyward_rules::event::Event;
use keyward_rules::exchange_notice::NoticeKind;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::limits::{SUB_ACCOUNTS_EVER_PER_ACCOUNT, SUB_ACCOUNTS_PER_ACCOUNT};
use keyward_rules::sub_account::SubAccountSettings;
use keyward_store::{AccountKind, AccountRecord, StoreError, Tx};

use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Create a sub-account of a master account. Its keys may read, trade and move funds until the master says otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateSubAccount {
    /// Of which account.
    pub master: AccountId,
    /// Its name, unique in the master account. It never changes.
    pub name: SubAccountName,
    /// What the master calls it.
    pub label: Option<KeyName>,
}

#[async_trait]
impl Action for CreateSubAccount {
    type Reply = AccountId;

    async fn judge(&self, context: &ActionContext<'_>) -> Result<(), ActionError> {
        let found = context.authority.access.reader.sub_account(self.master, &self.name).await?;
        if found.is_some() && context.actor.scope().reaches(self.master) {
            return Err(ActionError::SubAccountNameTaken);
        }
        Ok(())
    }

    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let (name, label) = (self.name.as_str(), label_text(self.label.as_ref()));
        Ok(PendingAction {
            action: ActionKind::CreateSubAccount,
            facts: vec![
                ("label", label),
                ("master", self.master.to_string()),
                ("name", name.to_owned()),
            ],
            words: vec![
                format!("Create the sub-account “{name}”"),
                "Its keys may read, trade and move funds, and cannot withdraw. You can allow them less or more later."
                    .to_owned(),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::NoAccount`] when `master` is no master account, [`ActionError::SubAccountNameTaken`],
    /// [`ActionError::TooManySubAccounts`], [`ActionError::TooManySubAccountsEver`], [`ActionError::LabelOfClosed`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let Self { master, name, label } = self;
        let grant = context.actor.may(ActionKind::CreateSubAccount, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        let owner = tx.account(master).await?.ok_or(ActionError::NoAccount)?;
        if owner.master().is_some() || !tx.grant().scope().reaches(master) {
            return Err(ActionError::NoAccount);
        }
        let (all, closed) = tx.count_sub_accounts(master).await?;
        if all - closed >= SUB_ACCOUNTS_PER_ACCOUNT {
            return Err(ActionError::TooManySubAccounts);
        }
        if all >= SUB_ACCOUNTS_EVER_PER_ACCOUNT {
            return Err(ActionError::TooManySubAccountsEver);
        }
        check_label(&mut tx, master, label.as_ref()).await?;
        let account = AccountRecord {
            id: AccountId::from_entropy(context.random()),
            kind: AccountKind::Sub(master, name.clone()),
            created_at: context.now,
        };
        tx.insert_account(&account).await.map_err(|error| {
            let taken = matches!(error, StoreError::Exists { .. });
            if taken { ActionError::SubAccountNameTaken } else { error.into() }
        })?;
        let settings = SubAccountSettings::of_new(label);
        tx.set_sub_account(account.id, &settings).await?;
        tx.tell_exchange(NoticeKind::Created, (master, account.id, &name), &settings).await?;
        let detail = format!("“{}” was created.", name.as_str());
        let alert = tell::by_actor(context, AlertKind::SubAccountChanged, account.id, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let facts = [
            ("label", label_text(settings.label.as_ref())),
            ("master", master.to_string()),
            ("name", name.as_str().to_owned()),
        ];
        let event = Event::of(tx.grant(), context.now, &format!("account:{}", account.id), &facts);
        tx.commit(event).await?;
        Ok(account.id)
    }
}

/// A label of a closed sub-account is not given again, so that nobody takes one for the other.
pub(super) async fn check_label(
    tx: &mut Tx,
    master: AccountId,
    label: Option<&KeyName>,
) -> Result<(), ActionError> {
    match label {
        Some(label) if tx.label_is_of_closed(master, label).await? => Err(ActionError::LabelOfClosed),
        Some(_) | None => Ok(()),
    }
}

/// A label as a fact; empty for none.
pub(super) fn label_text(label: Option<&KeyName>) -> String {
    label.map(|label| label.as_str().to_owned()).unwrap_or_default()
}
