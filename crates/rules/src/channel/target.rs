//! Where a channel sends: what a holder types, and what is sealed of it.

use serde_json::{Value, json};

use super::policy::{ChannelPolicy, NotAdmitted};
use super::signature::WebhookSecret;
use super::url::{NotAUrl, Receiver};
use crate::secret::Secret;

/// What kind of receiver it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelKind {
    /// Any program that takes signed JSON.
    Webhook,
    /// A channel of Slack.
    Slack,
    /// A chat of Telegram.
    Telegram,
    /// A channel of Discord.
    Discord,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Slack, Self::Telegram, Self::Discord];

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Discord => "discord",
        }
    }

    /// What a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// As people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "Webhook",
            Self::Slack => "Slack",
            Self::Telegram => "Telegram",
            Self::Discord => "Discord",
        }
    }
}

/// Why a text is no target; never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotATarget {
    /// No URL.
    #[error(transparent)]
    Url(#[from] NotAUrl),
    /// A URL that must not be used.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// Not Slack's.
    #[error("a Slack webhook is https://hooks.slack.com/services/T…/B…/…")]
    Slack,
    /// Not Discord's.
    #[error("a Discord webhook is https://discord.com/api/webhooks/…/…")]
    Discord,
    /// Not a bot's token.
    #[error("a Telegram bot's token is digits, a colon, and letters, as BotFather shows it")]
    TelegramToken,
    /// Not a chat.
    #[error("a Telegram chat is a number such as -1001234567890, or the @name of a public channel")]
    TelegramChat,
}

/// What a holder types.
#[derive(Debug)]
pub enum Aim {
    /// A URL.
    Webhook(Receiver),
    /// The three parts after `/services/`.
    Slack(Secret<String>),
    /// A bot's token, and the chat that it writes to.
    Telegram(Secret<String>, String),
    /// The two parts after `/api/webhooks/`.
    Discord(Secret<String>),
}

/// Where a channel sends.
#[derive(Debug)]
pub enum Target {
    /// To a URL, signed.
    Webhook(Receiver, WebhookSecret),
    /// To a channel of Slack.
    Slack(Secret<String>),
    /// To a chat of Telegram.
    Telegram(Secret<String>, String),
    /// To a channel of Discord.
    Discord(Secret<String>),
}

/// `count` parts between slashes, each of letters, digits, `-` and `_`.
fn has_parts(text: &str, count: usize) -> bool {
    let plain = |part: &str| {
        (1..=200).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.split('/').count() == count && text.split('/').all(plain)
}

fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(bot, rest)| {
        (5..=20).contains(&bot.len())
            && bot.bytes().all(|byte| byte.is_ascii_digit())
            && (20..=100).contains(&rest.len())
            && has_parts(rest, 1)
    })
}

fn is_chat(text: &str) -> bool {
    let digits =
        |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = |text: &str| {
        (4..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    digits(text.strip_prefix('-').unwrap_or(text)) || text.strip_prefix('@').is_some_and(word)
}

impl Aim {
    /// A webhook's URL.
    ///
    /// # Errors
    /// [`NotATarget::Url`], [`NotATarget::NotAdmitted`].
    pub fn webhook(url: &str, policy: &ChannelPolicy) -> Result<Self, NotATarget> {
        let receiver = Receiver::parse(url)?;
        policy.admit(&receiver)?;
        Ok(Self::Webhook(receiver))
    }

    /// The URL that Slack shows.
    ///
    /// # Errors
    /// [`NotATarget::Slack`].
    pub fn slack(url: &str, policy: &ChannelPolicy) -> Result<Self, NotATarget> {
        let parts = policy.slack.rest_of(url).and_then(|rest| rest.strip_prefix("/services/"));
        let parts = parts.filter(|parts| has_parts(parts, 3)).ok_or(NotATarget::Slack)?;
        Ok(Self::Slack(Secret::new(parts.to_owned())))
    }

    /// The token that BotFather shows, and a chat.
    ///
    /// # Errors
    /// [`NotATarget::TelegramToken`], [`NotATarget::TelegramChat`].
    pub fn telegram(token: &str, chat: &str) -> Result<Self, NotATarget> {
        if !is_bot_token(token) {
            return Err(NotATarget::TelegramToken);
        }
        if !is_chat(chat) {
            return Err(NotATarget::TelegramChat);
        }
        Ok(Self::Telegram(Secret::new(token.to_owned()), chat.to_owned()))
    }

    /// The URL that Discord shows.
    ///
    /// # Errors
    /// [`NotATarget::Discord`].
    pub fn discord(url: &str, policy: &ChannelPolicy) -> Result<Self, NotATarget> {
        let parts = policy.discord.rest_of(url).and_then(|rest| rest.strip_prefix("/api/webhooks/"));
        let parts = parts.filter(|parts| has_parts(parts, 2)).ok_or(NotATarget::Discord)?;
        Ok(Self::Discord(Secret::new(parts.to_owned())))
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook(_) => ChannelKind::Webhook,
            Self::Slack(_) => ChannelKind::Slack,
            Self::Telegram(..) => ChannelKind::Telegram,
            Self::Discord(_) => ChannelKind::Discord,
        }
    }

    /// Everything that was typed, for the hash of a step-up.
    #[must_use]
    pub fn typed(&self) -> Secret<String> {
        match self {
            Self::Webhook(receiver) => receiver.text(),
            Self::Slack(parts) | Self::Discord(parts) => Secret::new(parts.expose().clone()),
            Self::Telegram(token, chat) => Secret::new(format!("{} {chat}", token.expose())),
        }
    }

    /// What may be shown of it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook(receiver) => receiver.shown(),
            Self::Slack(_) => "a channel of Slack".to_owned(),
            Self::Telegram(_, chat) => format!("the Telegram chat {chat}"),
            Self::Discord(_) => "a channel of Discord".to_owned(),
        }
    }

    /// The target; a webhook is signed with a key of these random bytes.
    #[must_use]
    pub fn into_target(self, entropy: [u8; 32]) -> Target {
        match self {
            Self::Webhook(receiver) => Target::Webhook(receiver, WebhookSecret::from_entropy(entropy)),
            Self::Slack(parts) => Target::Slack(parts),
            Self::Telegram(token, chat) => Target::Telegram(token, chat),
            Self::Discord(parts) => Target::Discord(parts),
        }
    }
}

impl Target {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook(..) => ChannelKind::Webhook,
            Self::Slack(_) => ChannelKind::Slack,
            Self::Telegram(..) => ChannelKind::Telegram,
            Self::Discord(_) => ChannelKind::Discord,
        }
    }

    /// What may be shown of it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook(receiver, _) => receiver.shown(),
            Self::Slack(_) => "a channel of Slack".to_owned(),
            Self::Telegram(_, chat) => format!("the Telegram chat {chat}"),
            Self::Discord(_) => "a channel of Discord".to_owned(),
        }
    }

    /// Where its messages go under `policy`.
    #[must_use]
    pub fn receiver(&self, policy: &ChannelPolicy) -> Receiver {
        match self {
            Self::Webhook(receiver, _) => {
                Receiver::at(receiver.origin.clone(), receiver.target().expose().clone())
            }
            Self::Slack(parts) => policy.slack.receiver(format!("/services/{}", parts.expose())),
            Self::Telegram(token, _) => {
                policy.telegram.receiver(format!("/bot{}/sendMessage", token.expose()))
            }
            Self::Discord(parts) => policy.discord.receiver(format!("/api/webhooks/{}", parts.expose())),
        }
    }

    /// The text that is sealed into the store.
    #[must_use]
    pub fn to_json(&self) -> Secret<String> {
        let value = match self {
            Self::Webhook(receiver, secret) => {
                json!({"url": receiver.text().expose(), "secret": secret.text().expose()})
            }
            Self::Slack(parts) => json!({"slack": parts.expose()}),
            Self::Telegram(token, chat) => json!({"token": token.expose(), "chat": chat}),
            Self::Discord(parts) => json!({"discord": parts.expose()}),
        };
        Secret::new(value.to_string())
    }

    /// Reads it again; `None` for anything that [`Target::to_json`] did not write.
    #[must_use]
    pub fn from_json(kind: ChannelKind, text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let member = |name: &str| value.get(name).and_then(Value::as_str);
        Some(match kind {
            ChannelKind::Webhook => {
                Self::Webhook(Receiver::parse(member("url")?).ok()?, WebhookSecret::parse(member("secret")?)?)
            }
            ChannelKind::Slack => Self::Slack(parts_of(member("slack")?, 3)?),
            ChannelKind::Telegram => {
                let (token, chat) = (member("token")?, member("chat")?);
                let good = is_bot_token(token) && is_chat(chat);
                good.then(|| Self::Telegram(Secret::new(token.to_owned()), chat.to_owned()))?
            }
            ChannelKind::Discord => Self::Discord(parts_of(member("discord")?, 2)?),
        })
    }
}

fn parts_of(text: &str, count: usize) -> Option<Secret<String>> {
    has_parts(text, count).then(|| Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Aim, ChannelKind, ChannelPolicy, Target};

    const TOKEN: &str = "123456789:AAcanaryAAcanaryAAcanaryAAcanaryAAc";

    fn aims() -> Vec<(Aim, &'static str)> {
        let policy = ChannelPolicy::default();
        vec![
            (
                Aim::webhook("https://a.example/in?t=canary", &policy).unwrap(),
                "https://a.example/in?t=canary",
            ),
            (
                Aim::slack("https://hooks.slack.com/services/T0/B0/canary", &policy).unwrap(),
                "https://hooks.slack.com/services/T0/B0/canary",
            ),
            (
                Aim::telegram(TOKEN, "-1001234567890").unwrap(),
                "https://api.telegram.org/bot123456789:AAcanaryAAcanaryAAcanaryAAcanaryAAc/sendMessage",
            ),
            (
                Aim::discord("https://discord.com/api/webhooks/12/canary-_", &policy).unwrap(),
                "https://discord.com/api/webhooks/12/canary-_",
            ),
        ]
    }

    #[test]
    fn what_is_sealed_opens_and_says_nothing_on_the_way() {
        for (aim, url) in aims() {
            let (kind, shown) = (aim.kind(), aim.shown());
            let target = aim.into_target([7; 32]);
            assert!(!format!("{target:?} {shown} {}", target.shown()).contains("canary"), "{kind:?}");
            let read = Target::from_json(kind, target.to_json().expose()).unwrap();
            assert_eq!(read.receiver(&ChannelPolicy::default()).text().expose(), url);
            for other in ChannelKind::ALL {
                assert_eq!(Target::from_json(other, target.to_json().expose()).is_some(), other == kind);
            }
        }
    }

    #[test]
    fn chat_services_are_at_their_own_hosts_only() {
        let policy = ChannelPolicy::default();
        for url in [
            "https://hooks.slack.com/services/T0/B0",
            "https://hooks.slack.com/services/T0/B0/x/y",
            "https://hooks.slack.com/services/T0/B0/..",
            "https://hooks.slack.com/services/T0//x",
            "https://hooks.slack.com/services/T0/B0/x?y",
            "https://hooks.slack.com.evil.example/services/T0/B0/x",
            "https://hooks.slack.com@evil.example/services/T0/B0/x",
            "http://hooks.slack.com/services/T0/B0/x",
            "https://evil.example/services/T0/B0/x",
        ] {
            assert!(Aim::slack(url, &policy).is_err(), "{url}");
        }
        for url in [
            "https://discord.com/api/webhooks/12",
            "https://discord.com/api/webhooks/12/x/slack",
            "https://discord.com/api/webhooks/../x",
            "https://discord.com:8443/api/webhooks/12/x",
            "https://evil.example/api/webhooks/12/x",
        ] {
            assert!(Aim::discord(url, &policy).is_err(), "{url}");
        }
        for (token, chat) in [
            ("123456789", "1"),
            ("123456789:short", "1"),
            ("123456789:AAAAAAAAAAAAAAAAAAAAAAAA/../x", "1"),
            ("x:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "1"),
            (TOKEN, ""),
            (TOKEN, "1 2"),
            (TOKEN, "@a"),
            (TOKEN, "--1"),
            (TOKEN, "@a/b_c"),
        ] {
            assert!(Aim::telegram(token, chat).is_err(), "{token} {chat}");
        }
        assert!(Aim::telegram(TOKEN, "@alerts_of_ours").is_ok());
    }
}
