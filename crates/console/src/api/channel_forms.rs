//! What the API takes and gives about alert channels.

use keyward_authority::questions::{ChannelState, ChannelView, DeliveryView};
use keyward_rules::channel::{Choices, Digest, Outcome, Quiet, Which};
use keyward_rules::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{PasskeyAnswer, StepUp};

/// Which alerts.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichAlerts {
    /// All of them.
    All,
    /// Only those that somebody must look at now.
    Critical,
}

/// How alerts that are not critical are gathered.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gathered {
    /// Each by itself.
    AtOnce,
    /// Together, at each full hour.
    Hourly,
    /// Together, at 08:00 UTC.
    Daily,
}

/// Times of the day in UTC, as `22:00`, between which only critical alerts go; the others wait until they end.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From then on.
    #[schema(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    /// Until then.
    #[schema(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub to: String,
}

/// What goes to a channel, and when. Critical alerts always go at once.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChoices {
    /// Which alerts.
    pub which: WhichAlerts,
    /// When only critical ones.
    #[serde(default)]
    pub quiet: Option<QuietHours>,
    /// How the others are gathered.
    pub digest: Gathered,
}

/// Where a channel sends.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChannelTarget {
    /// Signed JSON in the form of Standard Webhooks.
    Webhook {
        /// `https://…`, reachable from everywhere.
        url: String,
    },
    /// A channel of Slack.
    Slack {
        /// The URL that Slack shows for an incoming webhook.
        url: String,
    },
    /// A chat of Telegram.
    Telegram {
        /// The token that BotFather shows.
        token: String,
        /// The chat's number, or the @name of a public channel.
        chat: String,
    },
    /// A channel of Discord.
    Discord {
        /// The URL that Discord shows for a webhook.
        url: String,
    },
}

/// A channel to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// Its name: 1 to 50 characters, unique in the account.
    pub name: String,
    /// Where it sends.
    pub target: ChannelTarget,
    /// What it gets.
    pub choices: ChannelChoices,
    /// The answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// Another name, other choices.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChange {
    /// Its name.
    pub name: String,
    /// What it gets from now on.
    pub choices: ChannelChoices,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// A channel that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedChannel {
    /// Its id.
    pub id: String,
    /// For a webhook, the secret that its receiver verifies with; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A message that was put into a channel.
#[derive(Serialize, ToSchema)]
pub struct SentMessage {
    /// Its id, the `webhook-id` of every try.
    pub message: String,
}

/// A message to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// Its id.
    pub message: String,
}

/// A channel; times are Unix milliseconds.
#[derive(Serialize, ToSchema)]
pub struct Channel {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// `webhook`, `slack`, `telegram` or `discord`.
    kind: &'static str,
    /// Where it sends, without what is secret of it.
    goes_to: String,
    /// What it gets.
    choices: ChannelChoices,
    /// `active`, `failing`, `paused` or `altered`.
    state: &'static str,
    /// Since when it fails or is paused.
    since_ms: Option<u64>,
    /// When it was added.
    made_at_ms: u64,
    /// Alerts that it did not get, for want of room or in a pause.
    missed: u64,
    /// The newest message.
    last: Option<Delivery>,
}

/// A message in the log of a channel.
#[derive(Serialize, ToSchema)]
pub struct Delivery {
    /// Its id, the `webhook-id` of every try.
    message: String,
    /// What it is about.
    about: String,
    /// `waiting`, `delivered` or `failed`.
    state: &'static str,
    /// When it was begun.
    at_ms: u64,
    /// When it is due.
    due_at_ms: u64,
    /// How often it was tried.
    tries: u32,
    /// When it was last tried.
    tried_at_ms: Option<u64>,
    /// The HTTP status of the last try, if there was an answer.
    status: Option<u16>,
    /// What came of the last try, a stable word.
    outcome: Option<&'static str>,
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Only those before this `next` cursor
    #[serde(default)]
    pub cursor: Option<i64>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
}

/// A page of messages, newest first.
#[derive(Serialize, ToSchema)]
pub struct DeliveryPage {
    /// The messages.
    pub deliveries: Vec<Delivery>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<i64>,
}

impl ChannelChoices {
    fn of(choices: &Choices) -> Self {
        Self {
            which: match choices.which {
                Which::All => WhichAlerts::All,
                Which::Critical => WhichAlerts::Critical,
            },
            quiet: choices.quiet.map(Quiet::words).map(|(from, to)| QuietHours { from, to }),
            digest: match choices.digest {
                Digest::AtOnce => Gathered::AtOnce,
                Digest::Hourly => Gathered::Hourly,
                Digest::Daily => Gathered::Daily,
            },
        }
    }
}

impl From<ChannelView> for Channel {
    fn from(view: ChannelView) -> Self {
        let (state, since) = match view.state {
            ChannelState::Active => ("active", None),
            ChannelState::Failing(since) => ("failing", Some(since)),
            ChannelState::Paused(since) => ("paused", Some(since)),
            ChannelState::Altered => ("altered", None),
        };
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            kind: view.kind.word(),
            goes_to: view.goes_to,
            choices: ChannelChoices::of(&view.choices),
            state,
            since_ms: since.map(Moment::unix_ms),
            made_at_ms: view.made_at.unix_ms(),
            missed: view.missed,
            last: view.last.map(Delivery::from),
        }
    }
}

impl From<DeliveryView> for Delivery {
    fn from(view: DeliveryView) -> Self {
        Self {
            message: view.id.to_string(),
            about: view.title,
            state: view.state,
            at_ms: view.at.unix_ms(),
            due_at_ms: view.due_at.unix_ms(),
            tries: view.tries,
            tried_at_ms: view.tried_at.map(Moment::unix_ms),
            status: view.status,
            outcome: view.outcome.map(Outcome::word),
        }
    }
}
