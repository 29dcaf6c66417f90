//! A signed-in person: what every page behind the door knows of them.

use keyward_authority::operators::role_of;
use keyward_authority::questions::{
    AccountView, ActingChoice, KeyView, acting_choices, acting_for, is_broker, show_account, unseen_alerts,
    waiting_approvals,
};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::grant::{Actor, Holder, Staff};
use keyward_rules::id::AccountId;
use keyward_rules::key::Environment;
use keyward_rules::person::Token;
use keyward_rules::staff::Role;

use super::form_token::FormToken;
use super::note::Note;
use crate::shell::Shell;
use crate::who::Session;

/// A person whose session is full.
#[derive(Clone)]
pub struct SignedIn {
    /// What they work with.
    pub shell: Shell,
    /// Who they are.
    pub holder: Holder,
    /// Their own account, whatever sub-account they act for.
    pub account: AccountView,
    /// The sub-account that they act for, if any.
    pub acting: Option<ActingChoice>,
    /// The sub-accounts that they may act for.
    pub choices: Vec<ActingChoice>,
    /// Alerts that they have not looked at.
    pub unseen: i64,
    /// Transfers of their sub-accounts that wait for them.
    pub waiting: u64,
    /// Their role at present.
    pub role: Option<Role>,
    /// Whether they have registered an app.
    pub broker: bool,
    /// The token that the forms of this page carry; another one for each page, all of one session.
    pub csrf: String,
    /// What those tokens prove.
    form_token: FormToken,
    /// What they did last, if this is the page that tells it.
    pub note: Option<Note>,
    /// Whether they look at live or demo trading.
    pub environment: Environment,
}

impl SignedIn {
    /// Who a full session is of, with nothing to tell and live trading in view. They act for `chosen` where they may, and for
    /// their own account otherwise.
    pub(super) async fn of(
        shell: &Shell,
        found: Session,
        token: &Token,
        chosen: Option<AccountId>,
    ) -> Result<Self, ActionError> {
        let Session { record, mut holder } = found;
        let context = shell.context(Actor::Holder(holder.clone()));
        let account = show_account(&context, holder.account).await?;
        let role = role_of(&context, holder.account).await?;
        let broker = is_broker(&context, holder.account).await?;
        let unseen = unseen_alerts(&context, holder.account).await?;
        let waiting = waiting_approvals(&context, holder.account).await?;
        let choices = acting_choices(&context, holder.account).await?;
        let mut acting = None;
        if let Some(chosen) = chosen {
            match acting_for(&context, holder.account, chosen).await {
                Ok((right, choice)) => (holder.acting, acting) = (Some(right), Some(choice)),
                Err(ActionError::NoSubAccount) => {}
                Err(other) => return Err(other),
            }
        }
        // A form belongs to the account that its page showed: after a switch in another tab it does nothing.
        let form = match &acting {
            Some(choice) => format!("{}:{}", record.id, choice.id),
            None => record.id.to_string(),
        };
        let tag = shell.authority().secrets.codes.tag("form", &form, &token.hash());
        let form_token = FormToken::of(&tag);
        let mut mask = [0; 16];
        (shell.authority().entropy)(&mut mask);
        let csrf = form_token.masked(mask);
        let (shell, note, environment) = (shell.clone(), None, Environment::Live);
        Ok(Self {
            shell,
            holder,
            account,
            acting,
            choices,
            unseen,
            waiting,
            role,
            broker,
            csrf,
            form_token,
            note,
            environment,
        })
    }

    /// Whether a form's token is one of this session's.
    pub fn served(&self, token: &str) -> bool {
        self.form_token.fits(token)
    }

    /// The context of what they do with keys: for the sub-account that they act for, or for their own account.
    pub fn context(&self) -> ActionContext<'_> {
        self.shell.context(Actor::Holder(self.holder.clone()))
    }

    /// The context of what they do for themselves: their factors, sessions, alerts, apps and sub-accounts.
    pub fn own_context(&self) -> ActionContext<'_> {
        self.shell.context(Actor::Holder(self.as_oneself()))
    }

    fn as_oneself(&self) -> Holder {
        Holder { acting: None, ..self.holder.clone() }
    }

    /// The account whose keys they see.
    pub const fn acts_for(&self) -> AccountId {
        self.holder.acts_for()
    }

    /// The context of what they do in their role; `None` without one.
    pub fn staff_context(&self) -> Option<ActionContext<'_>> {
        let role = self.role?;
        Some(self.shell.context(Actor::Staff(Staff { holder: self.as_oneself(), role })))
    }

    /// Whether their lists show a key: it is of the environment that they look at.
    pub fn shows(&self, key: &KeyView) -> bool {
        key.environment == self.environment
    }

    /// Their own account's id.
    pub const fn id(&self) -> AccountId {
        self.holder.account
    }
}
