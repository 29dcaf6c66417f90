//! What the operations on keys take and give.

use std::net::IpAddr;

use keyward_authority::questions::{KeyRequest, LimitsView};
use keyward_rules::fence::{Fences, Whose};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{PasskeyAnswer, StepUp};
use super::views::Key;
use crate::orders::{Order, listed};

/// Which keys.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Begin after the key of this `next` cursor
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
    /// Only keys with this tag
    #[serde(default)]
    pub tag: Option<String>,
    /// Deleted and expired keys too
    #[serde(default)]
    pub ended: Option<bool>,
    /// Only living keys that were not used for so many days, 1 to 3650; a key that was never used counts from its creation
    #[serde(default)]
    #[param(minimum = 1, maximum = 3650)]
    pub unused_days: Option<u64>,
}

/// A page of keys, newest first.
#[derive(Serialize, ToSchema)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<Key>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Where a key works from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, tag = "reach", rename_all = "lowercase")]
pub enum Reach {
    /// Explicitly from everywhere.
    Anywhere {},
    /// Only from these: IPv4 and IPv6, single or CIDR without host bits, at most 20 after merging.
    Addresses {
        /// The entries.
        addresses: Vec<String>,
        /// Whether a union wider than a /8 or /32 is meant.
        #[serde(default)]
        acknowledge_wide: bool,
    },
}

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The holder's own software: with `from`.
    Trading,
    /// A third-party app: with `app`.
    ThirdPartyApp,
    /// None: it admits no request, and raises the alarm when somebody uses it. With neither `from` nor `app`, and with the
    /// permission `read` alone.
    Canary,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// 1 to 50 characters, unique within the account.
    pub name: String,
    /// `read`, `trade`, `withdraw`, `funding`, `manage`; never changed afterwards.
    pub permissions: Vec<String>,
    /// Where from; left out for the key of an app and for a canary.
    #[serde(default)]
    pub from: Option<Reach>,
    /// The id of the app whose servers alone it works from, of `GET /api/v1/third-party-apps`; left out with `from`. A key
    /// that `replaces` an app's key keeps its app where both are left out.
    #[serde(default)]
    pub app: Option<String>,
    /// What for; must fit `from` or `app` where it is said. A canary has to say it.
    #[serde(default)]
    pub purpose: Option<Purpose>,
    /// 8 to 32 visible ASCII characters of four kinds.
    pub passphrase: String,
    /// Whether it is a demo key.
    #[serde(default)]
    pub demo: bool,
    /// Days until it ends, 1 to 3650; left out, it does not end by itself.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub ends_after_days: Option<u64>,
    /// Requests a second that it may send at most, 1 to 1000, below the standard rates.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_cap: Option<u64>,
    /// What the bodies of its requests may ask for, such as `{"instruments": ["BTC-USDT"], "max_order_value": "500"}`; left out,
    /// only its permissions limit it. The documentation lists all limits.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub limits: Option<serde_json::Value>,
    /// Up to 10 tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The key that it is meant to replace.
    #[serde(default)]
    pub replaces: Option<String>,
    /// The caller's own id of this request, 1 to 64 characters: asked again, the key is returned without its secret.
    #[serde(default)]
    pub idempotency_key: Option<String>,
    /// The answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// Name and tags.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The name.
    pub name: String,
    /// The tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Other addresses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAddresses {
    /// Where from, from now on.
    pub from: Reach,
    /// The key's exact name.
    pub name: String,
    /// For narrowing: a code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the
    /// answer is 403 `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// For narrowing, instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
    /// For widening: the answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// Other limits.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLimits {
    /// All its limits from now on; `{}` for none.
    #[schema(value_type = Object)]
    pub limits: serde_json::Value,
    /// The key's exact name.
    pub name: String,
    /// For stricter limits: a code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the
    /// answer is 403 `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// For stricter limits, instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
    /// For any other change: the answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// What is usual for a key, and which signals are not told.
#[derive(Serialize, ToSchema, Default)]
pub struct Signals {
    /// The signals that are not told.
    pub muted: Vec<&'static str>,
    /// How many requests in three seconds a burst must have to be told, beside being unusual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_from: Option<u32>,
    /// How many refusals within a minute there must be to be told, beside being unusual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals_from: Option<u32>,
    /// What is usual, as it was some minutes ago; absent for a key that was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
}

/// What is usual for a key.
#[derive(Serialize, ToSchema)]
pub struct Usual {
    /// On how many of the last 31 days it was used.
    pub days: usize,
    /// Whether that is enough to call something unusual.
    pub learned: bool,
    /// Requests in its busiest three seconds.
    pub requests: u32,
    /// Refused requests in its worst minute.
    pub refusals: u32,
    /// What it does: `read`, `trade`, `cancel`, `withdraw`, `funding`, `manage`.
    pub classes: Vec<&'static str>,
    /// The UTC hours in which it was used, 0 to 23.
    pub hours: Vec<u8>,
    /// From where: IPv4 networks of 256 addresses, IPv6 networks by /48. Empty for a key of a third-party app.
    pub networks: Vec<String>,
}

/// A key's limits, and what is used of them.
#[derive(Serialize, ToSchema)]
pub struct Limits {
    /// The limits; empty for none.
    #[schema(value_type = Object)]
    pub limits: serde_json::Value,
    /// Each in words.
    pub words: Vec<String>,
    /// Those of its account in words, which hold beside them. Empty for an account.
    pub account_words: Vec<String>,
    /// What was taken of the sums of the UTC day.
    pub used_today: Vec<UsedToday>,
}

impl From<LimitsView> for Limits {
    fn from(view: LimitsView) -> Self {
        let used = view.used.into_iter().map(|sum| UsedToday {
            sum: sum.of.to_string(),
            whose: match sum.whose {
                Whose::Key => "key",
                Whose::Account => "account",
            },
            used: sum.used.to_string(),
            limit: sum.limit.to_string(),
            enforced: sum.enforced,
        });
        let account = view.fences.account.as_deref();
        Self {
            limits: view.fences.to_json(),
            words: view.fences.sentences(),
            account_words: account.map(Fences::sentences).unwrap_or_default(),
            used_today: used.collect(),
        }
    }
}

/// A sum of the day.
#[derive(Serialize, ToSchema)]
pub struct UsedToday {
    /// `value` (US dollars), `orders`, `transfer:CCY` or `withdrawal:CCY`.
    pub sum: String,
    /// Whose requests count: `key`, or `account` for all keys of the account.
    pub whose: &'static str,
    /// What it has come to.
    pub used: String,
    /// What it may come to.
    pub limit: String,
    /// Whether more is refused. Otherwise it is only told.
    pub enforced: bool,
}

/// New limits of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccountLimits {
    /// All its limits from now on; `{}` for none.
    #[schema(value_type = Object)]
    pub limits: serde_json::Value,
    /// A sub-account; without it, the account itself.
    #[serde(default)]
    pub account: Option<String>,
    /// For stricter limits: a code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the
    /// answer is 403 `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// For stricter limits, instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
    /// For any other change: the answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// Which account.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichAccount {
    /// A sub-account; without it, the account itself.
    pub account: Option<String>,
}

/// What a tightening needs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// The key's exact name.
    pub name: String,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// One factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneFactor {
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// Nothing but the step-up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enable {
    /// The answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// A rotation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The successor's name.
    pub name: String,
    /// The successor's passphrase.
    pub passphrase: String,
    /// Hours for which both keys work, 1 to 168; 24 unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 168)]
    pub overlap_hours: Option<u64>,
    /// The answer to the challenge.
    #[serde(default)]
    pub step_up: Option<StepUp>,
}

/// What became of a change.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    /// The number of the change in the feed that gateways follow.
    pub revision: Option<u64>,
}

/// How many keys were disabled.
#[derive(Serialize, ToSchema)]
pub struct DisabledAll {
    /// How many.
    pub disabled: usize,
}

/// How many keys were stopped from trading.
#[derive(Serialize, ToSchema)]
pub struct StoppedAll {
    /// How many.
    pub stopped: usize,
}

/// A key's last day.
#[derive(Serialize, ToSchema)]
pub struct Activity {
    /// When the first quarter began.
    pub since_ms: u64,
    /// Requests that passed in each of 96 quarters of an hour, oldest first.
    pub passed: Vec<u64>,
    /// Requests with the right signature that were refused.
    pub refused: Vec<u64>,
    /// The newest requests.
    pub requests: Vec<Request>,
    /// From which addresses it was used, freshest first; none for an app's key.
    pub sources: Vec<Source>,
}

/// An address that a key was used from.
#[derive(Serialize, ToSchema)]
pub struct Source {
    /// The address.
    pub from: String,
    /// When it was last used from there.
    pub seen_at_ms: u64,
}

/// One request.
#[derive(Serialize, ToSchema)]
pub struct Request {
    /// When.
    pub at_ms: u64,
    /// From where; for an app's key only whether it was one of the app's servers.
    pub from: String,
    /// Method and route. Over a socket: `WS login`, `WS subscribe`, `WS unsubscribe`, or `WS` with the route that does
    /// the same.
    pub what: String,
    /// `0`, or the code of the refusal. What passed here the exchange may still refuse: see `orders`.
    pub code: String,
    /// Milliseconds to the answer's head.
    pub millis: u64,
    /// The orders, transfers and withdrawals that it asked for, in its order; none for other requests.
    pub orders: Vec<Order>,
}

impl From<KeyRequest> for Request {
    fn from(request: KeyRequest) -> Self {
        Self {
            at_ms: request.at.unix_ms(),
            from: request.from,
            what: request.what,
            code: request.code,
            millis: request.millis,
            orders: listed(request.orders),
        }
    }
}

/// From where to ask.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OutlookQuery {
    /// The address that requests would come from; the caller's own unless said
    #[serde(default)]
    #[param(value_type = Option<String>)]
    pub from: Option<IpAddr>,
}

/// What a well-signed request of one kind would get now.
#[derive(Serialize, ToSchema)]
pub struct Outlook {
    /// In words.
    pub what: &'static str,
    /// The route that stands for the kind.
    pub route: &'static str,
    /// `0`, or the code of the refusal.
    pub code: &'static str,
    /// The refusal's text.
    pub text: String,
    /// The key's limits that such a request must keep, in words. Left out where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
}
