//! The decision: 20 addresses, every step on, tickets paid at once.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use keyward_hmac_state::HmacState;
use keyward_rules::address::{AddressSet, HostBits, Network, RangeTable};
use keyward_rules::approval::ApprovalAnswer;
use keyward_rules::decision::{ChargeAnswer, Door, IntentAnswer, Received, ReplayAnswer, SumAnswer, Whole};
use keyward_rules::fence::NoMarket;
use keyward_rules::id::{AccountId, AppId, KeyId, RequestId};
use keyward_rules::key::{
    AppReach, Environment, HolderState, Holds, KeyFacts, Life, PassphraseKey, PassphraseTag, Reach,
};
use keyward_rules::okx::{Credentials, RawCredentials, sign};
use keyward_rules::permission::Permissions;
use keyward_rules::rate::Rate;
use keyward_rules::route::{Method, RouteTable};
use keyward_rules::time::Moment;

/// When everything here happens.
pub const NOW: Moment = Moment::from_unix_ms(1_800_000_000_123);
const SECRET: &[u8] = b"kws_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl";
/// Every key's passphrase.
pub const PHRASE: &[u8] = b"Probe-Pass1!";

/// Requests timed in one round.
const BATCH: u32 = 20_000;

/// What every decision of a measurement shares.
pub struct Bench {
    table: RouteTable,
    /// The key of the passphrases' tags.
    pub passphrases: PassphraseKey,
    /// The prepared state of the secret.
    pub state: [u8; 64],
    tag: PassphraseTag,
    permissions: Permissions,
}

/// One signed request, and where its key works from.
pub struct Case {
    /// The key's id as it is sent.
    pub key: String,
    /// Where the request comes from.
    pub source: IpAddr,
    reach: Reach,
    method: Method,
    target: &'static [u8],
    body: Bytes,
    stamp: String,
    signature: String,
}

/// A thousand ranges, none of which can be joined with another: half IPv4, half IPv6, all within 5.0.0.0/8 and 2001:db8::/32.
pub fn thousand_ranges() -> Result<AddressSet, String> {
    let v4 = (0..500_u32).map(|at| Network::V4(0x0500_0000 + at * 512, 24));
    let v6 = (0..500_u128).map(|at| Network::V6((0x2001_0db8 << 96) + (at << 81), 48));
    AddressSet::of_app(v4.chain(v6).collect()).map_err(|problem| problem.to_string())
}

/// Addresses in the last ranges of each family.
pub const OF_APP: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(5, 3, 230, 9)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x3e6, 0, 0, 0, 0, 9))];

/// Twenty addresses, and one of them.
pub fn twenty() -> Result<(AddressSet, IpAddr), String> {
    let list: Vec<String> = (0..20).map(|at| format!("198.51.100.{}", at * 2 + 1)).collect();
    let set = AddressSet::parse(&list.join(","), HostBits::Refuse).map_err(|problem| problem.to_string())?;
    Ok((set, [198, 51, 100, 39].into()))
}

impl Bench {
    /// Makes it.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            table: RouteTable::okx_v5(1).map_err(|problem| problem.to_string())?,
            passphrases: PassphraseKey::new([5; 32]),
            state: HmacState::from_key(SECRET).to_bytes(),
            tag: PassphraseKey::new([5; 32]).tag(AccountId::from_u64(7).ok_or("no account")?, PHRASE),
            permissions: "read,trade".parse().map_err(|_| "no permissions")?,
        })
    }

    /// `get`, `post`, `app-get` or `app6-get`.
    pub fn case(&self, kind: &str) -> Result<Case, String> {
        let (method, target, body): (_, &[u8], _) = match kind {
            "get" | "app-get" | "app6-get" | "hmac-get" => {
                (Method::Get, b"/api/v5/account/balance?ccy=BTC,USDT", Bytes::new())
            }
            "post" | "hmac-post" => (Method::Post, b"/api/v5/trade/order", Bytes::from("x".repeat(300))),
            _ => return Err(format!("no such kind: {kind}")),
        };
        let stamp = NOW.to_string();
        let state = HmacState::from_bytes(&self.state);
        let made = sign(&state, stamp.as_bytes(), method.as_str().as_bytes(), target, &body);
        let signature = String::from_utf8_lossy(made.as_bytes()).into_owned();
        let [v4, v6] = OF_APP;
        let (reach, source) = match kind {
            "app-get" => (app()?, v4),
            "app6-get" => (app()?, v6),
            _ => twenty().map(|(set, source)| (Reach::Set(Arc::new(set)), source))?,
        };
        let key = KeyId::from_entropy([3; 16]).to_string();
        Ok(Case { key, source, reach, method, target, body, stamp, signature })
    }

    fn facts(&self, case: &Case) -> Option<KeyFacts> {
        let account = AccountId::from_u64(7)?;
        Some(KeyFacts {
            id: KeyId::from_entropy([3; 16]),
            account,
            master: None,
            life: Life { state: HolderState::Active, holds: Holds::NONE },
            permissions: self.permissions,
            environment: Environment::Live,
            reach: case.reach.clone(),
            expires_at: None,
            rate_cap: None,
            fences: None,
            hmac: HmacState::from_bytes(&self.state),
            passphrase: self.tag,
            slot: 0,
            copy: 0,
        })
    }

    /// One decision from the headers' bytes to the permit.
    pub fn decide(&self, case: &Case, facts: Option<KeyFacts>, tat: &mut u64) -> bool {
        let raw = RawCredentials {
            key: Some(case.key.as_bytes()),
            sign: Some(case.signature.as_bytes()),
            timestamp: Some(case.stamp.as_bytes()),
            passphrase: Some(PHRASE),
            simulated: None,
        };
        let path = case.target.split(|byte| *byte == b'?').next().unwrap_or(case.target);
        let routed = self.table.find(case.method, path);
        let permit = || {
            let credentials = Credentials::read(raw).ok()?;
            let whole = Whole {
                id: RequestId(1),
                method: case.method,
                target: case.target,
                body: &case.body,
                plain: true,
                credentials,
                routed,
                source: case.source,
                door: Door::Everybody,
                now: NOW,
            };
            let cleared = Received::new(whole).verify(facts, &self.passphrases).ok()?.clear().ok()?;
            let rate = Rate::new(u32::MAX, 86_400_000_000)?;
            *tat = rate.take(*tat, NOW.unix_ms() * 1_000, 1).ok()?;
            let approval = cleared.charge().settle(ChargeAnswer::Taken(None)).ok()?.fence(&NoMarket).ok()?;
            let reservation = approval.settle(ApprovalAnswer::NotOwed).ok()?;
            let claim = reservation.settle(SumAnswer::NotOwed).ok()?.claim();
            let mark = if claim.owed().is_some() { ReplayAnswer::New } else { ReplayAnswer::NotOwed };
            let recorded = claim.settle(mark).ok()?.intent().settle(IntentAnswer::NotOwed).ok()?;
            Some(recorded.permit(NOW.plus_ms(5_000)))
        };
        black_box(permit()).is_some()
    }

    fn hmac(&self, case: &Case, state: &HmacState) -> [u8; 32] {
        state.tag(&[case.stamp.as_bytes(), case.method.as_str().as_bytes(), case.target, &case.body])
    }
}

/// An app with a thousand ranges.
fn app() -> Result<Reach, String> {
    let table = RangeTable::of(&thousand_ranges()?);
    Ok(Reach::App(AppId::from_u64(1).ok_or("no app")?, AppReach::Ranges(Arc::new(table))))
}

/// Times decision and bare HMAC in turn and prints medians and their ratio.
pub fn compare(rounds: usize) -> Result<(), String> {
    let bench = Bench::new()?;
    for (kind, name) in [("get", "GET"), ("post", "POST 300 B")] {
        let case = bench.case(kind)?;
        let state = HmacState::from_bytes(&bench.state);
        let (mut whole, mut bare, mut tat) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds.max(3) {
            // The facts are copied as the gateway copies them, outside of what is timed as HMAC alone.
            let began = Instant::now();
            for _ in 0..BATCH {
                if !bench.decide(&case, bench.facts(&case), &mut tat) {
                    return Err(format!("the {name} request was refused"));
                }
            }
            whole.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH));
            let began = Instant::now();
            for _ in 0..BATCH {
                black_box(bench.hmac(black_box(&case), &state));
            }
            bare.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH));
        }
        let ratios: Vec<f64> = whole.iter().zip(&bare).map(|(whole, bare)| whole / bare).collect();
        println!(
            "{name}: decision {} ns, bare HMAC {} ns, ratio {}",
            spread(whole),
            spread(bare),
            spread(ratios)
        );
    }
    Ok(())
}

/// Runs one kind `count` times, for an instruction counter.
pub fn repeat(kind: &str, count: u32) -> Result<(), String> {
    let bench = Bench::new()?;
    let case = bench.case(kind)?;
    let state = HmacState::from_bytes(&bench.state);
    let mut tat = 0;
    for _ in 0..count {
        if kind.starts_with("hmac") {
            black_box(bench.hmac(black_box(&case), &state));
        } else {
            black_box(bench.decide(&case, bench.facts(&case), &mut tat));
        }
    }
    Ok(())
}

/// Median, and the range from the lowest to the highest.
pub fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |at: usize| values.get(at).copied().unwrap_or_default();
    format!("{:.2} ({:.2} to {:.2})", at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}
