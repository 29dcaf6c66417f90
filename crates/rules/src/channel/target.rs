//! Where a channel sends: what a holder types, and what is sealed of it.

use serde_json::{Value, json};

use super::policy::{Base, ChannelPolicy, NotAdmitted};
use super::signature::WebhookSecret;
use super::url::{NotAUrl, Receiver};
use crate::paste::trimmed;
use crate::secret::Secret;

/// Discord's hosts: what one of them hands out, all of them take.
const DISCORD: [&str; 6] = [
    "discord.com",
    "canary.discord.com",
    "ptb.discord.com",
    "discordapp.com",
    "canary.discordapp.com",
    "ptb.discordapp.com",
];

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
    #[error("a Slack webhook is https://hooks.slack.com/services/T…/B…/… (or at hooks.slack-gov.com)")]
    Slack,
    /// Not Discord's.
    #[error("a Discord webhook is https://discord.com/api/webhooks/…/…, perhaps with ?thread_id=…")]
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
pub enum TargetInput {
    /// A URL.
    Webhook(Receiver),
    /// The three parts after `/services/`, and where.
    Slack(SlackHost, Secret<String>),
    /// A bot's token, and the chat that it writes to.
    Telegram(Secret<String>, String),
    /// The two parts after `/api/webhooks/`, and perhaps `?thread_id=`.
    Discord(Secret<String>),
}

/// Slack's two clouds, which know nothing of each other's channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlackHost {
    /// Everybody's.
    Usual,
    /// GovSlack's.
    Gov,
}

impl SlackHost {
    const fn base(self, policy: &ChannelPolicy) -> &Base {
        match self {
            Self::Usual => &policy.slack,
            Self::Gov => &policy.slack_gov,
        }
    }
}

/// Where a channel sends.
#[derive(Debug)]
pub enum Target {
    /// To a URL, signed.
    Webhook(Receiver, WebhookSecret),
    /// To a channel of Slack.
    Slack(SlackHost, Secret<String>),
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

/// A URL as people paste it: without blanks around it, and with its scheme and host in lower case, which are the same in any.
fn pasted(url: &str) -> String {
    let url = trimmed(url);
    let rest = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(rest..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| rest + at);
    let (origin, target) = url.split_at(end);
    format!("{}{target}", origin.to_ascii_lowercase())
}

/// The parts of a webhook of Discord, from what follows its host: `/api[/vN]/webhooks/ID/TOKEN[/][?thread_id=N]`.
fn discord_parts(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = path.strip_prefix("/api/")?;
    let version = path.strip_prefix('v').and_then(|rest| rest.split_once('/'));
    let path = version.filter(|(number, _)| is_number(number, 2)).map_or(path, |(_, rest)| rest);
    let parts = path.strip_prefix("webhooks/")?;
    let parts = parts.strip_suffix('/').unwrap_or(parts);
    let whole = query.map_or_else(|| parts.to_owned(), |query| format!("{parts}?{query}"));
    is_discord(&whole).then_some(whole)
}

/// `ID/TOKEN`, perhaps with `?thread_id=` and a number.
fn is_discord(text: &str) -> bool {
    let (parts, thread) =
        text.split_once("?thread_id=").map_or((text, None), |(parts, id)| (parts, Some(id)));
    has_parts(parts, 2) && thread.is_none_or(|id| is_number(id, 20))
}

/// 1 to `most` digits.
fn is_number(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(bot, rest)| {
        bot.len() >= 5 && is_number(bot, 20) && (20..=100).contains(&rest.len()) && has_parts(rest, 1)
    })
}

fn is_chat(text: &str) -> bool {
    let word = |text: &str| {
        (4..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    is_number(text.strip_prefix('-').unwrap_or(text), 20) || text.strip_prefix('@').is_some_and(word)
}

impl TargetInput {
    /// A webhook's URL.
    ///
    /// # Errors
    /// [`NotATarget::Url`], [`NotATarget::NotAdmitted`].
    pub fn webhook(url: &str, policy: &ChannelPolicy) -> Result<Self, NotATarget> {
        let receiver = Receiver::parse(&pasted(url))?;
        policy.admit(&receiver)?;
        Ok(Self::Webhook(receiver))
    }

    /// The URL that Slack shows.
    ///
    /// # Errors
    /// [`NotATarget::Slack`].
    pub fn slack(url: &str, policy: &ChannelPolicy) -> Result<Self, NotATarget> {
        let url = pasted(url);
        let at = |host: SlackHost| {
            let parts = host.base(policy).rest_of(&url)?.strip_prefix("/services/")?;
            let parts = parts.strip_suffix('/').unwrap_or(parts);
            has_parts(parts, 3).then(|| Self::Slack(host, Secret::new(parts.to_owned())))
        };
        at(SlackHost::Usual).or_else(|| at(SlackHost::Gov)).ok_or(NotATarget::Slack)
    }

    /// The token that BotFather shows, and a chat.
    ///
    /// # Errors
    /// [`NotATarget::TelegramToken`], [`NotATarget::TelegramChat`].
    pub fn telegram(token: &str, chat: &str) -> Result<Self, NotATarget> {
        let (token, chat) = (trimmed(token), trimmed(chat));
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
        let url = pasted(url);
        let own = Base::public(DISCORD[0]);
        let elsewhere = || DISCORD.iter().find_map(|host| Base::public(host).rest_of(&url));
        let target = policy.discord.rest_of(&url).or_else(|| elsewhere().filter(|_| policy.discord == own));
        target
            .and_then(discord_parts)
            .map(|parts| Self::Discord(Secret::new(parts)))
            .ok_or(NotATarget::Discord)
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook(_) => ChannelKind::Webhook,
            Self::Slack(..) => ChannelKind::Slack,
            Self::Telegram(..) => ChannelKind::Telegram,
            Self::Discord(_) => ChannelKind::Discord,
        }
    }

    /// Everything that was typed, for the hash of a step-up.
    #[must_use]
    pub fn typed(&self) -> Secret<String> {
        match self {
            Self::Webhook(receiver) => receiver.text(),
            Self::Slack(SlackHost::Usual, parts) | Self::Discord(parts) => {
                Secret::new(parts.expose().clone())
            }
            Self::Slack(SlackHost::Gov, parts) => Secret::new(format!("gov {}", parts.expose())),
            Self::Telegram(token, chat) => Secret::new(format!("{} {chat}", token.expose())),
        }
    }

    /// What may be shown of it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook(receiver) => receiver.shown(),
            Self::Slack(..) => "a channel of Slack".to_owned(),
            Self::Telegram(_, chat) => format!("the Telegram chat {chat}"),
            Self::Discord(_) => "a channel of Discord".to_owned(),
        }
    }

    /// The target; a webhook is signed with a key of these random bytes.
    #[must_use]
    pub fn into_target(self, entropy: [u8; 32]) -> Target {
        match self {
            Self::Webhook(receiver) => Target::Webhook(receiver, WebhookSecret::from_entropy(entropy)),
            Self::Slack(host, parts) => Target::Slack(host, parts),
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
            Self::Slack(..) => ChannelKind::Slack,
            Self::Telegram(..) => ChannelKind::Telegram,
            Self::Discord(_) => ChannelKind::Discord,
        }
    }

    /// What may be shown of it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook(receiver, _) => receiver.shown(),
            Self::Slack(..) => "a channel of Slack".to_owned(),
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
            Self::Slack(host, parts) => host.base(policy).receiver(format!("/services/{}", parts.expose())),
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
            Self::Slack(SlackHost::Usual, parts) => json!({"slack": parts.expose()}),
            Self::Slack(SlackHost::Gov, parts) => json!({"slack": parts.expose(), "gov": true}),
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
            ChannelKind::Slack => {
                let host = match value.get("gov") {
                    None => SlackHost::Usual,
                    Some(gov) => gov.as_bool().filter(|gov| *gov).map(|_| SlackHost::Gov)?,
                };
                let parts = member("slack").filter(|parts| has_parts(parts, 3))?;
                Self::Slack(host, Secret::new(parts.to_owned()))
            }
            ChannelKind::Telegram => {
                let (token, chat) = (member("token")?, member("chat")?);
                let good = is_bot_token(token) && is_chat(chat);
                good.then(|| Self::Telegram(Secret::new(token.to_owned()), chat.to_owned()))?
            }
            ChannelKind::Discord => {
                let parts = member("discord").filter(|parts| is_discord(parts))?;
                Self::Discord(Secret::new(parts.to_owned()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ChannelKind, ChannelPolicy, Target, TargetInput};

    const TOKEN: &str = "123456789:AAcanaryAAcanaryAAcanaryAAcanaryAAc";

    fn aims() -> Vec<(TargetInput, &'static str)> {
        let policy = ChannelPolicy::default();
        vec![
            (
                TargetInput::webhook("https://a.example/in?t=canary", &policy).unwrap(),
                "https://a.example/in?t=canary",
            ),
            (
                TargetInput::slack("https://hooks.slack.com/services/T0/B0/canary", &policy).unwrap(),
                "https://hooks.slack.com/services/T0/B0/canary",
            ),
            (
                TargetInput::telegram(TOKEN, "-1001234567890").unwrap(),
                "https://api.telegram.org/bot123456789:AAcanaryAAcanaryAAcanaryAAcanaryAAc/sendMessage",
            ),
            (
                TargetInput::discord("https://discord.com/api/webhooks/12/canary-_", &policy).unwrap(),
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
    fn chats_addresses_are_read_as_their_services_hand_them_out() {
        let policy = ChannelPolicy::default();
        let sent = |aim: TargetInput| aim.into_target([7; 32]).receiver(&policy).text().expose().clone();
        const WEBHOOK: &str = "https://discord.com/api/webhooks/12/x-_Y";
        for (url, goes_to) in [
            ("https://discord.com/api/webhooks/12/x-_Y", WEBHOOK),
            ("https://discordapp.com/api/webhooks/12/x-_Y", WEBHOOK),
            ("https://canary.discord.com/api/webhooks/12/x-_Y", WEBHOOK),
            ("https://ptb.discord.com/api/webhooks/12/x-_Y", WEBHOOK),
            ("https://canary.discordapp.com/api/webhooks/12/x-_Y", WEBHOOK),
            ("https://ptb.discordapp.com/api/v10/webhooks/12/x-_Y/", WEBHOOK),
            ("https://discord.com/api/v6/webhooks/12/x-_Y", WEBHOOK),
            ("https://discord.com/api/webhooks/12/x-_Y/", WEBHOOK),
            ("HTTPS://Discord.COM/api/webhooks/12/x-_Y", WEBHOOK),
            (" \u{a0}https://discord.com/api/webhooks/12/x-_Y\u{200b}\r\n", WEBHOOK),
            (
                "https://discord.com/api/webhooks/12/x-_Y?thread_id=109876543210987654",
                "https://discord.com/api/webhooks/12/x-_Y?thread_id=109876543210987654",
            ),
            (
                "https://ptb.discord.com/api/v10/webhooks/12/x-_Y/?thread_id=7",
                "https://discord.com/api/webhooks/12/x-_Y?thread_id=7",
            ),
        ] {
            let aim = TargetInput::discord(url, &policy).unwrap_or_else(|problem| panic!("{url}: {problem}"));
            assert_eq!(sent(aim), goes_to, "{url}");
        }
        for (url, goes_to) in [
            ("https://hooks.slack.com/services/T0/B0/xY", "https://hooks.slack.com/services/T0/B0/xY"),
            ("https://hooks.slack.com/services/T0/B0/xY/", "https://hooks.slack.com/services/T0/B0/xY"),
            ("https://Hooks.Slack.com/services/T0/B0/xY", "https://hooks.slack.com/services/T0/B0/xY"),
            ("\thttps://hooks.slack.com/services/T0/B0/xY\n", "https://hooks.slack.com/services/T0/B0/xY"),
            (
                "https://hooks.slack-gov.com/services/T0/B0/xY",
                "https://hooks.slack-gov.com/services/T0/B0/xY",
            ),
            (
                " https://HOOKS.slack-gov.com/services/T0/B0/xY/ ",
                "https://hooks.slack-gov.com/services/T0/B0/xY",
            ),
        ] {
            assert_eq!(sent(TargetInput::slack(url, &policy).unwrap()), goes_to, "{url}");
        }
        assert_eq!(
            sent(TargetInput::webhook(" https://A.example/In?T=x\n", &policy).unwrap()),
            "https://a.example/In?T=x"
        );
        assert!(TargetInput::telegram(&format!(" {TOKEN}\n"), "\u{200e}@alerts_of_ours ").is_ok());
        // Two clouds: the approval of one is none of the other.
        let [usual, gov] = ["slack", "slack-gov"].map(|cloud| {
            TargetInput::slack(&format!("https://hooks.{cloud}.com/services/T0/B0/x"), &policy).unwrap()
        });
        assert_ne!(usual.typed().expose(), gov.typed().expose());
        let sealed = gov.into_target([7; 32]).to_json();
        let read = Target::from_json(ChannelKind::Slack, sealed.expose()).unwrap();
        assert_eq!(read.receiver(&policy).text().expose(), "https://hooks.slack-gov.com/services/T0/B0/x");
        assert!(Target::from_json(ChannelKind::Slack, r#"{"slack": "T0/B0/x", "gov": "yes"}"#).is_none());
        // An operator who names one place means that one.
        let own =
            ChannelPolicy { discord: "http://127.0.0.1:9000".parse().unwrap(), ..ChannelPolicy::default() };
        assert!(TargetInput::discord("http://127.0.0.1:9000/api/webhooks/12/x", &own).is_ok());
        for host in super::DISCORD {
            assert!(
                TargetInput::discord(&format!("https://{host}/api/webhooks/12/x"), &own).is_err(),
                "{host}"
            );
        }
    }

    #[test]
    fn a_slack_webhook_is_read_however_it_was_pasted_and_nothing_else_is() {
        const USUAL: &str = "https://hooks.slack.com/services/T0/B0/xY";
        const GOV: &str = "https://hooks.slack-gov.com/services/T0/B0/xY";
        let policy = ChannelPolicy::default();
        for (url, goes_to) in [
            ("https://hooks.slack.com/services/T0/B0/xY", USUAL),
            ("https://hooks.slack.com/services/T0/B0/xY/", USUAL),
            ("https://Hooks.Slack.Com/services/T0/B0/xY", USUAL),
            ("HTTPS://HOOKS.SLACK.COM/services/T0/B0/xY", USUAL),
            ("Https://hooks.slack.com/services/T0/B0/xY/", USUAL),
            ("  https://hooks.slack.com/services/T0/B0/xY ", USUAL),
            ("\thttps://hooks.slack.com/services/T0/B0/xY\r\n", USUAL),
            ("\u{a0}https://hooks.slack.com/services/T0/B0/xY/\u{202f}", USUAL),
            ("\u{feff}https://hooks.slack.com/services/T0/B0/xY", USUAL),
            ("\u{200e}https://hooks.slack.com/services/T0/B0/xY\u{200b}", USUAL),
            ("\u{2068}https://hooks.slack.com/services/T0/B0/xY\u{2069}", USUAL),
            ("https://HOOKS.slack.com/services/t0/b0/Xy", "https://hooks.slack.com/services/t0/b0/Xy"),
            ("https://hooks.slack.com/services/T0/B0/-_", "https://hooks.slack.com/services/T0/B0/-_"),
            ("https://hooks.slack-gov.com/services/T0/B0/xY", GOV),
            ("https://hooks.slack-gov.com/services/T0/B0/xY/", GOV),
            ("https://Hooks.Slack-Gov.com/services/T0/B0/xY", GOV),
            (" HTTPS://HOOKS.SLACK-GOV.COM/services/T0/B0/xY/\n", GOV),
        ] {
            let aim = TargetInput::slack(url, &policy).unwrap_or_else(|problem| panic!("{url:?}: {problem}"));
            let receiver = aim.into_target([7; 32]).receiver(&policy);
            assert_eq!(receiver.text().expose(), goes_to, "{url:?}");
        }
        let long = format!("https://hooks.slack.com/services/T0/B0/{}", "x".repeat(201));
        for url in [
            "",
            " \n",
            "hooks.slack.com/services/T0/B0/xY",
            "//hooks.slack.com/services/T0/B0/xY",
            "https:/hooks.slack.com/services/T0/B0/xY",
            "https://hooks.slack.com:443/services/T0/B0/xY",
            "https://hooks.slack.com./services/T0/B0/xY",
            "https://hooks.slack.com/Services/T0/B0/xY",
            "https://hooks.slack.com//services/T0/B0/xY",
            "https://hooks.slack.com/services//T0/B0/xY",
            "https://hooks.slack.com/workflows/T0/B0/xY",
            "https://hooks.slack.com/services/T0/B0/x%59",
            "https://hooks.slack.com/services/T0/B0/x Y",
            "https://hooks.slack.com/services/T0/B0/x\u{200b}Y",
            "https://hooks.slack.com/services/T0/B0/xY?a=1",
            "https://hooks.slack-gov.com/services/T0/B0",
            "https://hooks.slack.gov/services/T0/B0/xY",
            "https://h\u{43e}\u{43e}ks.slack.com/services/T0/B0/xY",
            "https://me@hooks.slack.com/services/T0/B0/xY",
            "https://discord.com/api/webhooks/12/xY",
            &long,
        ] {
            assert!(TargetInput::slack(url, &policy).is_err(), "{url:?}");
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
            "https://hooks.slack-gov.com.evil.example/services/T0/B0/x",
            "https://slack.com/services/T0/B0/x",
            "https://hooks.slack.com/services/T0/B0/x#y",
            "https://hooks.slack.com/services/T0/B0/x//",
            "https://hooks.slack.com /services/T0/B0/x",
            "https://hooks.slack.com\\services/T0/B0/x",
        ] {
            assert!(TargetInput::slack(url, &policy).is_err(), "{url}");
        }
        for url in [
            "https://discord.com/api/webhooks/12",
            "https://discord.com/api/webhooks/12/x/slack",
            "https://discord.com/api/webhooks/../x",
            "https://discord.com:8443/api/webhooks/12/x",
            "https://evil.example/api/webhooks/12/x",
            "http://discord.com/api/webhooks/12/x",
            "https://discord.com.evil.example/api/webhooks/12/x",
            "https://discord.com@evil.example/api/webhooks/12/x",
            "https://xdiscord.com/api/webhooks/12/x",
            "https://cdn.discord.com/api/webhooks/12/x",
            "https://discord.com/api/webhooks/12/x/github",
            "https://discord.com/api/webhooks/12/x?thread_id=",
            "https://discord.com/api/webhooks/12/x?thread_id=1x",
            "https://discord.com/api/webhooks/12/x?thread_id=1&wait=true",
            "https://discord.com/api/webhooks/12/x?wait=true",
            "https://discord.com/api/webhooks/12/x#y",
            "https://discord.com/api/v100/webhooks/12/x",
            "https://discord.com/api/v/webhooks/12/x",
            "https://discord.com/API/webhooks/12/x",
            "https://discord.com/api/webhooks/12/x?thread_id=1?thread_id=2",
        ] {
            assert!(TargetInput::discord(url, &policy).is_err(), "{url}");
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
            assert!(TargetInput::telegram(token, chat).is_err(), "{token} {chat}");
        }
        assert!(TargetInput::telegram(TOKEN, "@alerts_of_ours").is_ok());
    }
}
