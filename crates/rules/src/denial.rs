//! Every refusal: its code, status, wire text, and what to do about it. One registry, one place.
//!
//! Codes and texts up to 59999 are OKX's as clients meet them on the wire (contract section 4, wire column
//! first). Codes from 90000 are our own: for what OKX answers outside its envelope, and for approvals, which OKX does not have.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use crate::fence::Refused;
use crate::id::{ApprovalId, KeyId};
use crate::rate::{Policy, Quota, Rate};
use crate::time::Moment;

/// Why a request is not let through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denial {
    /// No `OK-ACCESS-KEY`.
    KeyMissing,
    /// No `OK-ACCESS-PASSPHRASE`.
    PassphraseMissing,
    /// No `OK-ACCESS-SIGN`.
    SignMissing,
    /// No `OK-ACCESS-TIMESTAMP`.
    TimestampMissing,
    /// Not a key id in its one spelling.
    KeyMalformed,
    /// Unknown, deleted or expired: a stranger cannot tell which.
    KeyUnknown,
    /// Not a timestamp.
    TimestampMalformed,
    /// Outside the window.
    TimestampExpired,
    /// The passphrase is another.
    PassphraseWrong,
    /// The signature does not fit the request.
    SignWrong,
    /// Disabled by its holder.
    KeyDisabled,
    /// Held by somebody else than its holder.
    KeyHeld,
    /// In quarantine, which still admits some requests.
    KeyQuarantined,
    /// The key's own addresses do not include the source.
    AddressRefused(KeyId, IpAddr),
    /// The key's app was not the source; tells no address.
    AppAddressRefused(KeyId),
    /// The key is a canary; on the wire the same as [`Denial::AddressRefused`].
    CanaryRefused(KeyId, IpAddr),
    /// A live key on demo, or the reverse.
    WrongEnvironment,
    /// The listener is for keys of third-party apps only.
    AppKeysOnly,
    /// The permission is not among the key's.
    PermissionMissing,
    /// A route that administers keys in a way that is not offered.
    EndpointClosed,
    /// A route that is for keys of the master account alone.
    MasterOnly,
    /// A route that administers sub-accounts, asked by a sub-account's key.
    MainAccountOnly,
    /// A transfer by a sub-account needs its master's approval: what people who ask beforehand are told.
    ApprovalNeeded,
    /// It waits for the approval of this number.
    ApprovalWaiting(ApprovalId),
    /// The master refused it; from the moment on it can be asked for again.
    ApprovalRefused(ApprovalId, Moment),
    /// Too many requests about the sub-account wait.
    TooManyApprovals,
    /// The sub-account may not transfer to other sub-accounts.
    TransferOutOff,
    /// The account has no approval with the number that was asked for.
    ApprovalUnknown,
    /// A transfer that needs an approval cannot be read for sure: the member that cannot, or what is wrong with the whole.
    TransferUnclear(&'static str),
    /// A route that needs a bound key.
    BindingNeeded,
    /// No such route.
    RouteUnknown,
    /// The route exists with another method.
    MethodWrong,
    /// The source has used up its rate.
    RateExceeded,
    /// The account has used up its rate for the route, or the key its own.
    QuotaExceeded(Quota),
    /// The account has used up its rate of new and amended orders.
    OrderRateExceeded(Quota),
    /// The same state-changing request came before.
    Repeated,
    /// The gateway has no room left to remember or record the request.
    Busy,
    /// The gateway cannot vouch for its facts or its records.
    Unavailable,
    /// The exchange behind the gateway cannot be reached; nothing was sent.
    UpstreamDown,
    /// The exchange did not answer in time, or broke off; the request may have taken effect.
    UpstreamTimeout,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The head is larger than the limit.
    HeadTooLarge,
    /// The request's framing is ambiguous or malformed.
    Malformed,
    /// A trusted proxy did not say clearly who its client is.
    ClientUnclear,
    /// The body came too slowly.
    BodyTooSlow,
    /// An upgrade to a protocol that is not spoken here.
    UpgradeRefused,
    /// The key's own limits refuse what the body asks for.
    Fenced(Refused),
}

/// One line of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The code in the envelope.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A name of two or three words, for badges and lists.
    pub title: &'static str,
    /// The text; `{ip}` and `{apiKey}` stand for the request's.
    pub text: &'static str,
    /// What the client should do.
    pub hint: &'static str,
    /// What it means, for the operator and the docs.
    pub meaning: &'static str,
}

const fn entry(
    code: &'static str,
    status: u16,
    title: &'static str,
    text: &'static str,
    meaning: &'static str,
    hint: &'static str,
) -> Entry {
    Entry { code, status, title, text, hint, meaning }
}

impl Denial {
    /// The registry's line for this refusal.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table, one row per refusal")]
    pub const fn entry(&self) -> Entry {
        match self {
            Self::KeyMissing => entry(
                "50103",
                401,
                "Key missing",
                "Request header OK-ACCESS-KEY can not be empty.",
                "the request has no OK-ACCESS-KEY header",
                "send all four OK-ACCESS headers",
            ),
            Self::PassphraseMissing => entry(
                "50104",
                401,
                "Passphrase missing",
                "Request header OK-ACCESS-PASSPHRASE can not be empty.",
                "the request has no OK-ACCESS-PASSPHRASE header",
                "send all four OK-ACCESS headers",
            ),
            Self::PassphraseWrong => entry(
                "50105",
                401,
                "Wrong passphrase",
                "Request header OK-ACCESS-PASSPHRASE incorrect.",
                "the passphrase is not the key's",
                "use the passphrase chosen when the key was made; watch for shell characters such as $ and &",
            ),
            Self::SignMissing => entry(
                "50106",
                401,
                "Signature missing",
                "Request header OK-ACCESS-SIGN can not be empty.",
                "the request has no OK-ACCESS-SIGN header",
                "send all four OK-ACCESS headers",
            ),
            Self::TimestampMissing => entry(
                "50107",
                401,
                "Timestamp missing",
                "Request header OK-ACCESS-TIMESTAMP can not be empty.",
                "the request has no OK-ACCESS-TIMESTAMP header",
                "send all four OK-ACCESS headers",
            ),
            Self::KeyMalformed => entry(
                "50111",
                401,
                "Malformed key",
                "Invalid OK-ACCESS-KEY",
                "the key id is not a lower-case UUID",
                "copy the API key as it was shown",
            ),
            Self::KeyUnknown => entry(
                "50119",
                401,
                "Unknown key",
                "API key doesn't exist",
                "no such key here: never made, deleted or expired",
                "check that the key belongs to this site, or make a new one",
            ),
            Self::TimestampMalformed => entry(
                "50112",
                401,
                "Malformed timestamp",
                "Invalid OK-ACCESS-TIMESTAMP",
                "the timestamp is not ISO 8601 in UTC",
                "send a timestamp such as 2020-12-08T09:08:57.715Z",
            ),
            Self::TimestampExpired => entry(
                "50102",
                401,
                "Expired timestamp",
                "Timestamp request expired",
                "the timestamp is more than 30 seconds from the gateway's clock",
                "set the client's clock by NTP",
            ),
            Self::SignWrong => entry(
                "50113",
                401,
                "Wrong signature",
                "Invalid Sign",
                "the signature does not fit timestamp, method, target and body as received",
                "sign exactly the bytes that are sent, query included, with the whole secret as text",
            ),
            Self::KeyDisabled => entry(
                "50114",
                401,
                "Key disabled",
                "Invalid Authority",
                "the holder has disabled the key",
                "enable the key, or use another",
            ),
            Self::KeyHeld => entry(
                "50100",
                400,
                "Key held",
                "API frozen, please contact customer service.",
                "the key is held: frozen, cooling after a reset, second factor off, or its record does not verify",
                "ask the operator which hold is on the key",
            ),
            Self::KeyQuarantined => entry(
                "50120",
                401,
                "Key in quarantine",
                "This API key doesn't have permission to use this function",
                "the key is in quarantine, or was made or changed on a new device: only reads (and cancels) pass, or nothing",
                "look at the key's page, which says why and until when",
            ),
            Self::PermissionMissing => entry(
                "50120",
                401,
                "Missing permission",
                "This API key doesn't have permission to use this function",
                "the route needs a permission that the key lacks",
                "permissions never change: make a new key with the permission",
            ),
            Self::AddressRefused(..) | Self::CanaryRefused(..) => entry(
                "50110",
                401,
                "Wrong address",
                "Your IP {ip} is not included in your API key's {apiKey} IP whitelist.",
                "right credentials from an address that the key is not bound to: treat it as a leak until you know the reason",
                "call from a bound address, or change the key's addresses; if it was not you, delete the key",
            ),
            Self::AppAddressRefused(..) => entry(
                "50110",
                401,
                "Wrong address",
                "Your IP is not included in your API key's {apiKey} IP whitelist.",
                "right credentials, but not from the servers of the key's third-party app",
                "a third-party-app key works only from its app; ask the app",
            ),
            Self::WrongEnvironment => entry(
                "50101",
                401,
                "Wrong environment",
                "APIKey does not match current environment.",
                "a demo key without x-simulated-trading: 1, or a live key with it",
                "send x-simulated-trading: 1 with demo keys only",
            ),
            Self::AppKeysOnly => entry(
                "50101",
                401,
                "For apps only",
                "APIKey does not match current environment.",
                "this listener is for keys of third-party apps only, from their servers",
                "use the gateway's other address",
            ),
            Self::EndpointClosed => entry(
                "50030",
                200,
                "Not offered",
                "You don't have permission to use this API endpoint",
                "the route administers keys of brokers' customers, which Keyward does not offer",
                "use the routes under /api/v5/users/subaccount",
            ),
            Self::MasterOnly => entry(
                "50030",
                200,
                "Master account only",
                "You don't have permission to use this API endpoint",
                "the route moves funds between sub-accounts and is for keys of the master account",
                "use a key of the master account, or POST /api/v5/asset/transfer",
            ),
            Self::MainAccountOnly => entry(
                "59500",
                200,
                "Master account only",
                "Only the API key of the main account has permission.",
                "the route administers sub-accounts and is for keys of the master account",
                "use a key of the master account",
            ),
            Self::ApprovalNeeded | Self::ApprovalWaiting(_) => entry(
                "90450",
                200,
                "Approval needed",
                "A transfer by a sub-account's key needs the approval of the master account.",
                "a transfer by a sub-account's key, or a change of a sub-account that goes beyond the key which asks, waits for \
                 the master account",
                "approve it in the console under Approvals; then send the same request again within 24 hours",
            ),
            Self::ApprovalRefused(..) => entry(
                "90451",
                200,
                "Approval refused",
                "The master account refused this request.",
                "the master account refused the request less than 24 hours ago",
                "ask the holder of the master account; after the time in the answer it can be asked for again",
            ),
            Self::TooManyApprovals => entry(
                "90452",
                200,
                "Too many approvals",
                "100 requests about this sub-account already wait for the approval of the master account. Send this one again \
                 when fewer wait.",
                "as many requests about the sub-account wait for approval as may",
                "approve or refuse some of them in the console under Approvals",
            ),
            Self::TransferOutOff => entry(
                "58119",
                200,
                "Transfer out is off",
                "The sub-account has no permission to transfer out, please set first.",
                "the master account has not allowed the sub-account to transfer funds to other sub-accounts",
                "allow it in the console under Sub-accounts, or with POST /api/v5/users/subaccount/set-transfer-out",
            ),
            Self::ApprovalUnknown => entry(
                "90454",
                200,
                "Unknown approval",
                "This account has no approval with this number. Send its number as id.",
                "no approval of this number is of the key's own account",
                "ask with id= and the number that the refused transfer was answered with, by a key of the same sub-account",
            ),
            Self::TransferUnclear(_) => entry(
                "90453",
                200,
                "Transfer unclear",
                "A transfer by a sub-account's key needs the approval of the master account, and cannot be read for sure.",
                "the body of a transfer by a sub-account's key is not plain, or has a member that the gateway does not know",
                "send ccy, amt, from, to, type 0, 3 or 4, and subAcct for type 4; each once, as plain JSON",
            ),
            Self::BindingNeeded => entry(
                "50035",
                403,
                "Bound key needed",
                "This endpoint requires that APIKey must be bound to IP",
                "the route is open to keys only that are bound to addresses; a very wide range counts as none",
                "create a key that is bound to addresses",
            ),
            Self::RouteUnknown => entry(
                "50005",
                404,
                "Unknown route",
                "API endpoint is inactive or unavailable.",
                "the path is not in the route table; unlisted routes are refused",
                "check the path, letter by letter",
            ),
            Self::MethodWrong => entry(
                "50115",
                405,
                "Wrong method",
                "Invalid request method.",
                "the path exists with another method",
                "use the method that the route has",
            ),
            Self::RateExceeded => entry(
                "50011",
                429,
                "Rate limit reached",
                "Too Many Requests",
                "the rate of the source address is used up",
                "slow down",
            ),
            Self::QuotaExceeded(_) => entry(
                "50011",
                429,
                "Rate limit reached",
                "Too Many Requests",
                "the account's rate for the route (and the instrument), or the key's own cap, is used up",
                "slow down, as the RateLimit header says; an account's rates are shared by its keys",
            ),
            Self::OrderRateExceeded(_) => entry(
                "50061",
                200,
                "Order rate reached",
                "You've reached the maximum order rate limit for this account.",
                "the account's rate of new and amended orders is used up: 1,000 in 2 seconds, over all its keys",
                "place and amend fewer orders; each order of a batch counts",
            ),
            Self::Repeated => entry(
                "50042",
                200,
                "Repeated request",
                "Repeated request: add a clOrdId",
                "a state-changing request with this signature was accepted before",
                "sign each request again, with its own timestamp; a clOrdId makes equal orders differ",
            ),
            Self::Busy => entry(
                "50013",
                429,
                "Gateway busy",
                "Systems are busy. Please try again later.",
                "the gateway has no room to remember or record the request, has just started, or saw the key change while the request was under way",
                "sign the request again and retry in a moment",
            ),
            Self::Unavailable => entry(
                "50001",
                503,
                "Unavailable",
                "Service temporarily unavailable. Please try again later.",
                "the gateway cannot vouch for its facts or write its record",
                "try again; operators: see the log for the cause",
            ),
            Self::UpstreamDown => entry(
                "50001",
                503,
                "Exchange unreachable",
                "Service temporarily unavailable. Please try again later.",
                "the exchange behind the gateway could not be reached; nothing was sent",
                "try again; operators: check upstream.url and the exchange",
            ),
            Self::UpstreamTimeout => entry(
                "50004",
                400,
                "No answer in time",
                "API endpoint request timeout. (does not mean that the request was successful or failed, please check the request result).",
                "the exchange did not answer in time or broke off; the request may have taken effect and is never sent twice",
                "query the order or transfer before repeating it",
            ),
            Self::BodyTooLarge => entry(
                "90413",
                413,
                "Body too large",
                "Request body too large",
                "the body exceeds the gateway's limit",
                "send less in one request",
            ),
            Self::HeadTooLarge => entry(
                "90431",
                431,
                "Headers too large",
                "Request header or target too large",
                "headers or target exceed the gateway's limit",
                "send fewer or shorter headers",
            ),
            Self::Malformed => entry(
                "90400",
                400,
                "Malformed request",
                "Malformed request",
                "the request's framing is ambiguous, malformed or not spoken here",
                "send plain HTTP with one Host, one length, and each header once; write an inverted comma in a query as %22",
            ),
            Self::ClientUnclear => entry(
                "90407",
                400,
                "Client unclear",
                "The client address is missing or ambiguous behind a proxy",
                "the proxy before the gateway did not say clearly from which address the request came",
                "operators: let the proxy set X-Forwarded-For, Forwarded or the PROXY protocol, as [proxies] says",
            ),
            Self::BodyTooSlow => entry(
                "90408",
                408,
                "Body too slow",
                "Request body too slow",
                "the body did not arrive in the time allowed",
                "send the whole body at once",
            ),
            Self::UpgradeRefused => entry(
                "90426",
                426,
                "WebSocket not offered",
                "WebSocket version 13 over HTTP/1.1 is offered at /ws/v5/public, /ws/v5/private and /ws/v5/business",
                "an upgrade that the gateway does not offer",
                "connect to a socket's path by HTTP/1.1",
            ),
            Self::Fenced(refused) => entry(
                refused.code(),
                200,
                refused.title(),
                "refused by this key's limits",
                refused.meaning(),
                "look at the key's limits on its page; a person can change them",
            ),
        }
    }

    /// The text with the request's own values put in.
    #[must_use]
    pub fn text(&self) -> Cow<'static, str> {
        match self {
            Self::AddressRefused(key, ip) | Self::CanaryRefused(key, ip) => Cow::Owned(
                self.entry().text.replace("{ip}", &ip.to_string()).replace("{apiKey}", &key.to_string()),
            ),
            Self::Fenced(refused) => Cow::Owned(refused.to_string()),
            Self::ApprovalWaiting(id) => Cow::Owned(format!(
                "This request waits for the approval of the master account: approval {id}. Send the same request again once it \
                 is approved."
            )),
            Self::ApprovalRefused(id, until) => Cow::Owned(format!(
                "The master account refused this request: approval {id}. It can be asked for again after {until}."
            )),
            Self::TransferUnclear(what) => Cow::Owned(format!(
                "A transfer by a sub-account's key needs the approval of the master account, so it must be clear: {what} cannot \
                 be read for sure. Send each member once, as plain JSON."
            )),
            Self::AppAddressRefused(key) => {
                Cow::Owned(self.entry().text.replace("{apiKey}", &key.to_string()))
            }
            Self::KeyMissing
            | Self::PassphraseMissing
            | Self::SignMissing
            | Self::TimestampMissing
            | Self::KeyMalformed
            | Self::KeyUnknown
            | Self::TimestampMalformed
            | Self::TimestampExpired
            | Self::PassphraseWrong
            | Self::SignWrong
            | Self::KeyDisabled
            | Self::KeyHeld
            | Self::KeyQuarantined
            | Self::WrongEnvironment
            | Self::AppKeysOnly
            | Self::PermissionMissing
            | Self::EndpointClosed
            | Self::MasterOnly
            | Self::MainAccountOnly
            | Self::TransferOutOff
            | Self::ApprovalNeeded
            | Self::TooManyApprovals
            | Self::ApprovalUnknown
            | Self::BindingNeeded
            | Self::RouteUnknown
            | Self::MethodWrong
            | Self::RateExceeded
            | Self::QuotaExceeded(_)
            | Self::OrderRateExceeded(_)
            | Self::Repeated
            | Self::Busy
            | Self::Unavailable
            | Self::UpstreamDown
            | Self::UpstreamTimeout
            | Self::BodyTooLarge
            | Self::HeadTooLarge
            | Self::Malformed
            | Self::ClientUnclear
            | Self::BodyTooSlow
            | Self::UpgradeRefused => Cow::Borrowed(self.entry().text),
        }
    }

    /// The line of a recorded code. Of several refusals that share it, the first of [`Denial::examples`].
    #[must_use]
    pub fn of_code(code: &str) -> Option<Entry> {
        Self::examples().iter().map(Self::entry).find(|entry| entry.code == code)
    }

    /// The line of a code with which a key's limits refuse, some of which other refusals have too.
    #[must_use]
    pub fn of_limit(code: &str) -> Option<Entry> {
        let limits = Refused::examples().into_iter().map(Self::Fenced);
        limits.map(|denial| denial.entry()).find(|entry| entry.code == code)
    }

    /// One of each, for the registry's readers: documentation, `explain`, tests. Of those that share a code, the one that users
    /// meet most is first.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        let (key, ip) = (KeyId::from_entropy([0; 16]), IpAddr::from([192, 0, 2, 1]));
        let fenced = Refused::examples().into_iter().map(Self::Fenced);
        let mut all = Self::plain_examples(key, ip);
        let approval = ApprovalId::from_u64(100_000_000_000_000_000);
        all.extend(
            approval.into_iter().flat_map(|id| {
                [Self::ApprovalWaiting(id), Self::ApprovalRefused(id, Moment::from_unix_ms(0))]
            }),
        );
        all.extend(fenced);
        all
    }

    const fn no_quota(policy: Policy) -> Quota {
        Quota { policy, rate: Rate::ONE_A_SECOND, left: 0, reset_s: 1 }
    }

    /// What is left of the rate that is used up, where the caller is known and may learn of it.
    #[must_use]
    pub const fn quota(&self) -> Option<Quota> {
        if let Self::QuotaExceeded(quota) | Self::OrderRateExceeded(quota) = self {
            Some(*quota)
        } else {
            None
        }
    }

    fn plain_examples(key: KeyId, ip: IpAddr) -> Vec<Self> {
        vec![
            Self::KeyMissing,
            Self::PassphraseMissing,
            Self::SignMissing,
            Self::TimestampMissing,
            Self::KeyMalformed,
            Self::KeyUnknown,
            Self::TimestampMalformed,
            Self::TimestampExpired,
            Self::PassphraseWrong,
            Self::SignWrong,
            Self::KeyDisabled,
            Self::KeyHeld,
            Self::AddressRefused(key, ip),
            Self::AppAddressRefused(key),
            Self::WrongEnvironment,
            Self::AppKeysOnly,
            Self::PermissionMissing,
            Self::KeyQuarantined,
            Self::EndpointClosed,
            Self::MasterOnly,
            Self::MainAccountOnly,
            Self::TransferOutOff,
            Self::ApprovalNeeded,
            Self::TooManyApprovals,
            Self::ApprovalUnknown,
            Self::TransferUnclear("ccy"),
            Self::BindingNeeded,
            Self::RouteUnknown,
            Self::MethodWrong,
            Self::QuotaExceeded(Self::no_quota(Policy::Route)),
            Self::RateExceeded,
            Self::OrderRateExceeded(Self::no_quota(Policy::Orders)),
            Self::Repeated,
            Self::Busy,
            Self::Unavailable,
            Self::UpstreamDown,
            Self::UpstreamTimeout,
            Self::BodyTooLarge,
            Self::HeadTooLarge,
            Self::Malformed,
            Self::ClientUnclear,
            Self::BodyTooSlow,
            Self::UpgradeRefused,
        ]
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.entry();
        write!(out, "{} {}", line.code, line.meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::Denial;

    #[test]
    fn recorded_codes_have_words() {
        for denial in Denial::examples() {
            let line = denial.entry();
            assert_eq!(Denial::of_code(line.code).map(|found| found.code), Some(line.code));
            assert!((4..=24).contains(&line.title.len()), "{}", line.title);
        }
        assert_eq!(Denial::of_code("50120").map(|line| line.title), Some("Missing permission"));
        assert!(Denial::of_code("0").is_none() && Denial::of_code("51008").is_none());
    }
}
