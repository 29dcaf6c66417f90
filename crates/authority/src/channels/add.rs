//! Action: add an alert channel. It lets data out, so it is approved like a key.

use async_trait::async_trait;
use keyward_rules::alert::AlertKind;
use keyward_rules::channel::{ChannelId, Choices, Target, TargetInput};
use keyward_rules::event::Event;
use keyward_rules::grant::{ActionKind, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;
use keyward_rules::limits::CHANNELS_PER_ACCOUNT;
use keyward_rules::secret::Secret;
use keyward_store::ChannelRecord;

use super::{choices_in_words, facts};
use crate::{Action, ActionContext, ActionError, PendingAction, tell};

/// Add an alert channel.
pub struct AddChannel {
    /// For which account.
    pub account: AccountId,
    /// Its name, unique in the account.
    pub name: KeyName,
    /// Where to.
    pub aim: TargetInput,
    /// What goes there and when.
    pub choices: Choices,
}

/// A new channel.
pub struct Added {
    /// Its id.
    pub id: ChannelId,
    /// The secret that a webhook's receiver verifies with; shown this once.
    pub secret: Option<Secret<String>>,
}

#[async_trait]
impl Action for AddChannel {
    type Reply = Added;

    async fn judge(&self, context: &ActionContext<'_>) -> Result<(), ActionError> {
        judge(&context.authority.access.reader.channels_of(context.actor.scope(), self.account).await?, self)
    }

    /// The target is in the hash, and not in the words.
    async fn plan(&self, _: &ActionContext<'_>) -> Result<PendingAction, ActionError> {
        let gets = choices_in_words(&self.choices);
        Ok(PendingAction {
            action: ActionKind::AddChannel,
            facts: vec![
                ("name", self.name.to_string()),
                ("kind", self.aim.kind().word().to_owned()),
                ("target", self.aim.typed().expose().clone()),
                ("gets", gets.clone()),
            ],
            words: vec![
                format!("Add the alert channel “{}” ({})", self.name, self.aim.kind().name()),
                format!("Alerts of your account go to {}.", self.aim.shown()),
                format!("{gets}."),
            ],
        })
    }

    /// # Errors
    /// [`ActionError::TooManyChannels`], [`ActionError::ChannelNameTaken`].
    async fn perform(self, context: &ActionContext<'_>, proof: Proof) -> Result<Self::Reply, ActionError> {
        let request = self;
        let grant = context.actor.may(ActionKind::AddChannel, proof)?;
        let mut tx = context.authority.access.writer.begin(grant, context.now).await?;
        judge(&tx.channels_of(request.account).await?, &request)?;
        let kind = request.aim.kind();
        // Told first: the new channel does not begin with the news of itself.
        let detail = format!("“{}” sends to {}.", request.name, request.aim.shown());
        let alert = tell::by_actor(context, AlertKind::ChannelAdded, request.account, detail);
        tell::notify_holder(context, &mut tx, alert).await?;
        let target = request.aim.into_target(context.random());
        let secret = match &target {
            Target::Webhook(_, secret) => Some(secret.text()),
            Target::Slack(..) | Target::Telegram(..) | Target::Discord(_) => None,
        };
        let record = ChannelRecord {
            id: ChannelId::from_entropy(context.random()),
            account: request.account,
            name: request.name,
            kind,
            target: Some(target),
            choices: request.choices,
            made_at: context.now,
            paused_at: None,
            failing_since: None,
            failures: 0,
            missed: 0,
        };
        tx.insert_channel(&record).await?;
        let [name, gets] = facts(record.name.as_str(), &record.choices);
        let subject = format!("channel:{}", record.id);
        let event =
            Event::of(tx.grant(), context.now, &subject, &[name, ("kind", kind.word().to_owned()), gets]);
        tx.commit(event).await?;
        Ok(Added { id: record.id, secret })
    }
}

fn judge(there: &[ChannelRecord], request: &AddChannel) -> Result<(), ActionError> {
    if there.iter().any(|channel| channel.name == request.name) {
        return Err(ActionError::ChannelNameTaken);
    }
    if there.len() >= CHANNELS_PER_ACCOUNT { Err(ActionError::TooManyChannels) } else { Ok(()) }
}
