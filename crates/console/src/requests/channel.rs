//! The requests to add an alert channel, and to change the name and the choices of one.

use keyward_authority::channels::{AddChannel, ChangeChannel};
use keyward_rules::channel::{
    ChannelId, ChannelKind, ChannelPolicy, Choices, Digest, NotATarget, Quiet, TargetInput, Which,
};
use keyward_rules::id::AccountId;
use keyward_rules::key::KeyName;

use super::field_errors::FieldErrors;
use crate::api::{ChannelChoices, ChannelTarget, Gathered, NewChannel, WhichAlerts};
use crate::fields::Fields;

/// The name of a channel, and what it gets.
pub struct ChannelRequest<'r> {
    /// The name. A form may have blanks around it; in JSON they are an error.
    pub name: &'r str,
    /// Which alerts. In a form, another word means all; JSON with one is refused before.
    pub which: Which,
    /// How alerts that are not critical are gathered. In a form, another word means at once; JSON with one is refused
    /// before.
    pub digest: Digest,
    /// From when until when only critical alerts go. A form always has both times, and two empty ones mean none. JSON
    /// leaves them out; empty ones in it are an error.
    pub quiet: Option<(String, String)>,
}

/// A channel to add.
pub struct NewChannelRequest<'r> {
    channel: ChannelRequest<'r>,
    kind: ChannelKind,
    /// A URL, or the token of a Telegram bot.
    target: &'r str,
    /// For Telegram only.
    chat: &'r str,
}

impl<'r> ChannelRequest<'r> {
    /// Reads the fields of `channel.html` or `channel_new.html`.
    pub fn of_form(fields: &'r Fields) -> Self {
        let quiet = (fields.get("quiet_from").to_owned(), fields.get("quiet_to").to_owned());
        Self {
            name: fields.get("name").trim(),
            which: Which::from_word(fields.get("which")).unwrap_or(Which::All),
            digest: Digest::from_word(fields.get("digest")).unwrap_or(Digest::AtOnce),
            quiet: Some(quiet).filter(|(from, to)| !(from.is_empty() && to.is_empty())),
        }
    }

    /// Reads two members of a body.
    pub fn of_body(name: &'r str, choices: &ChannelChoices) -> Self {
        Self {
            name,
            which: match choices.which {
                WhichAlerts::All => Which::All,
                WhichAlerts::Critical => Which::Critical,
            },
            digest: match choices.digest {
                Gathered::AtOnce => Digest::AtOnce,
                Gathered::Hourly => Digest::Hourly,
                Gathered::Daily => Digest::Daily,
            },
            quiet: choices.quiet.as_ref().map(|hours| (hours.from.clone(), hours.to.clone())),
        }
    }

    /// A channel as it is.
    pub fn of_now(name: &'r str, choices: &Choices) -> Self {
        let quiet = choices.quiet.map(Quiet::words);
        Self { name, which: choices.which, digest: choices.digest, quiet }
    }

    /// Judges every field, in the order in which the API reports them.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(self, channel: ChannelId) -> Result<ChangeChannel, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.keep("name", KeyName::parse(self.name));
        let choices = self.choices(&mut errors);
        let all = || Some(ChangeChannel { channel, name: name?, choices: choices? });
        all().ok_or(errors)
    }

    fn choices(&self, errors: &mut FieldErrors) -> Option<Choices> {
        let quiet = self.quiet.as_ref().map(|(from, to)| Quiet::parse(from, to)).transpose();
        let quiet = errors.keep("quiet_from", quiet)?;
        Some(Choices { which: self.which, quiet, digest: self.digest })
    }
}

/// The field of the form that has the target.
const fn target_field(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Webhook | ChannelKind::Slack | ChannelKind::Discord => "url",
        ChannelKind::Telegram => "token",
    }
}

impl<'r> NewChannelRequest<'r> {
    /// Reads the fields of `channel_new.html`.
    pub fn of_form(kind: ChannelKind, fields: &'r Fields) -> Self {
        let target = fields.get(target_field(kind)).trim();
        Self { channel: ChannelRequest::of_form(fields), kind, target, chat: fields.get("chat").trim() }
    }

    /// Judges every field, in the order in which the API reports them.
    ///
    /// # Errors
    /// All that is wrong; of a bot's token and its chat, the first.
    pub fn read(self, account: AccountId, policy: &ChannelPolicy) -> Result<AddChannel, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.keep("name", KeyName::parse(self.channel.name));
        let aim = match self.kind {
            ChannelKind::Webhook => TargetInput::webhook(self.target, policy),
            ChannelKind::Slack => TargetInput::slack(self.target, policy),
            ChannelKind::Telegram => TargetInput::telegram(self.target, self.chat),
            ChannelKind::Discord => TargetInput::discord(self.target, policy),
        };
        let is_chat = matches!(aim, Err(NotATarget::TelegramChat));
        let aim = errors.keep(if is_chat { "chat" } else { target_field(self.kind) }, aim);
        let choices = self.channel.choices(&mut errors);
        let all = || Some(AddChannel { account, name: name?, aim: aim?, choices: choices? });
        all().ok_or(errors)
    }
}

impl<'r> From<&'r NewChannel> for NewChannelRequest<'r> {
    fn from(body: &'r NewChannel) -> Self {
        let (kind, target, chat) = match &body.target {
            ChannelTarget::Webhook { url } => (ChannelKind::Webhook, url.as_str(), ""),
            ChannelTarget::Slack { url } => (ChannelKind::Slack, url.as_str(), ""),
            ChannelTarget::Telegram { token, chat } => (ChannelKind::Telegram, token.as_str(), chat.as_str()),
            ChannelTarget::Discord { url } => (ChannelKind::Discord, url.as_str(), ""),
        };
        Self { channel: ChannelRequest::of_body(&body.name, &body.choices), kind, target, chat }
    }
}
