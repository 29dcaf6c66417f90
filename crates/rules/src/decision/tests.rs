//! Laws of the decision: restrictions only restrict, and each check has its place in the order.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    ChargeAnswer, Cleared, Door, IntentAnswer, LoggedIn, Parts, Permit, Received, ReplayAnswer, SumAnswer,
    Whole,
};
use crate::address::{AddressSet, HostBits, RangeTable};
use crate::approval::{ApprovalAnswer, Consent, ConsentBy, Transfer};
use crate::denial::Denial;
use crate::fence::NoMarket;
use crate::id::{AccountId, AppId, ApprovalId, KeyId, RequestId};
use crate::key::{
    AppReach, EndCause, Environment, HmacState, Hold, HolderState, Holds, KeyFacts, Life, PassphraseKey,
    Reach,
};
use crate::okx::{Credentials, TimestampForm, sign};
use crate::permission::{Permission, Permissions};
use crate::route::{Found, Method, RouteTable};
use crate::time::Moment;

const NOW: u64 = 1_800_000_000_123;
const SECRET: &[u8] = b"0123456789ABCDEF0123456789ABCDEF";
const PHRASE: &[u8] = b"Probe-Pass1!";
const ORDER: (&str, &str) = ("POST", "/api/v5/trade/order");

fn passphrases() -> PassphraseKey {
    PassphraseKey::new([5; 32])
}

fn key() -> KeyId {
    KeyId::from_entropy([3; 16])
}

fn account() -> AccountId {
    AccountId::from_u64(7).unwrap()
}

/// Everything that a verdict depends on, to be varied one at a time.
#[derive(Clone, Debug)]
struct Case {
    request: (&'static str, &'static str),
    permissions: Permissions,
    holds: Holds,
    state: HolderState,
    reach: Reach,
    source: IpAddr,
    door: Door,
    environment: (Environment, Environment),
    expires_at: Option<Moment>,
    signed_at: u64,
    sub: bool,
}

impl Case {
    fn good() -> Self {
        Self {
            request: ORDER,
            permissions: Permissions::new(Permission::ALL).unwrap(),
            holds: Holds::NONE,
            state: HolderState::Active,
            reach: Reach::Anywhere,
            source: "192.0.2.1".parse().unwrap(),
            door: Door::Everybody,
            environment: (Environment::Live, Environment::Live),
            expires_at: None,
            signed_at: NOW,
            sub: false,
        }
    }

    fn facts(&self) -> KeyFacts {
        KeyFacts {
            id: key(),
            account: account(),
            master: self.sub.then(|| AccountId::from_u64(8).unwrap()),
            life: Life { state: self.state, holds: self.holds },
            permissions: self.permissions,
            environment: self.environment.0,
            reach: self.reach.clone(),
            expires_at: self.expires_at,
            rate_cap: None,
            fences: None,
            hmac: HmacState::from_key(SECRET),
            passphrase: passphrases().tag(account(), PHRASE),
            slot: 0,
            copy: 0,
        }
    }

    /// The verdict when every ticket is paid.
    fn verdict(&self) -> Result<(), Denial> {
        let table = RouteTable::okx_v5(1).unwrap();
        self.cleared(&table, &Bytes::new(), |_| ())
    }

    fn cleared<T>(
        &self,
        table: &RouteTable,
        body: &Bytes,
        then: impl Fn(Cleared<'_>) -> T,
    ) -> Result<T, Denial> {
        let stamp = Moment::from_unix_ms(self.signed_at).to_string();
        let (method, target) = (Method::parse(self.request.0).unwrap(), self.request.1.as_bytes());
        let made =
            sign(&HmacState::from_key(SECRET), stamp.as_bytes(), method.as_str().as_bytes(), target, body);
        let path = target.split(|byte| *byte == b'?').next().unwrap();
        let credentials = Credentials {
            key: key(),
            sign: Some(made),
            timestamp: stamp.as_bytes(),
            form: TimestampForm::Iso,
            passphrase: PHRASE,
            environment: Some(self.environment.1),
        };
        let whole = Whole {
            id: RequestId(1),
            method,
            target,
            body,
            plain: true,
            credentials,
            routed: table.find(method, path),
            source: self.source,
            door: self.door,
            now: Moment::from_unix_ms(NOW),
        };
        let verified = Received::new(whole).verify(Some(self.facts()), &passphrases())?;
        Ok(then(verified.clear()?))
    }

    /// A socket's login with this case's facts, from its source.
    fn log_in(&self) -> Result<LoggedIn, Denial> {
        let stamp = (self.signed_at / 1_000).to_string();
        let body = Bytes::new();
        let made = sign(&HmacState::from_key(SECRET), stamp.as_bytes(), b"GET", b"/users/self/verify", &body);
        let credentials = Credentials {
            key: key(),
            sign: Some(made),
            timestamp: stamp.as_bytes(),
            form: TimestampForm::UnixSeconds,
            passphrase: PHRASE,
            environment: Some(self.environment.1),
        };
        let whole = Whole {
            id: RequestId(1),
            method: Method::Get,
            target: b"/users/self/verify",
            body: &body,
            plain: true,
            credentials,
            routed: Found::Unknown,
            source: self.source,
            door: self.door,
            now: Moment::from_unix_ms(NOW),
        };
        Received::new(whole).verify(Some(self.facts()), &passphrases())?.open().map(|(login, _)| login)
    }

    fn parts<'r>(&self, body: &'r Bytes) -> Parts<'r> {
        let (source, now) = (self.source, Moment::from_unix_ms(NOW));
        Parts {
            id: RequestId(1),
            method: Method::Post,
            target: b"/ws/v5/private",
            body,
            plain: true,
            source,
            now,
        }
    }

    /// The verdict on an operation over a socket that was opened while all was well.
    fn over_socket(&self) -> Result<(), Denial> {
        let table = RouteTable::okx_v5(1).unwrap();
        let method = Method::parse(self.request.0).unwrap();
        let Found::Route(route) = table.find(method, self.request.1.as_bytes()) else { panic!("no route") };
        let login = Self { source: self.source, ..Self::good() }.log_in()?;
        let body = Bytes::new();
        login.request(Some(self.facts()), self.parts(&body), route).map(drop)
    }
}

fn set(text: &str) -> Reach {
    Reach::Set(Arc::new(AddressSet::parse(text, HostBits::Refuse).unwrap()))
}

fn app(reach: AppReach) -> Reach {
    Reach::App(AppId::from_u64(1).unwrap(), reach)
}

fn ranges(text: &str) -> AppReach {
    AppReach::Ranges(Arc::new(RangeTable::of(&AddressSet::parse(text, HostBits::Refuse).unwrap())))
}

#[test]
fn every_refusal_of_a_signed_request_has_its_code() {
    let good = Case::good;
    let administers = |case| Case { request: ("POST", "/api/v5/users/subaccount/apikey"), ..case };
    let cases: Vec<(Case, Option<&str>)> = vec![
        (good(), None),
        (Case { state: HolderState::Disabled, ..good() }, Some("50114")),
        (Case { state: HolderState::Deleted { at: Moment::from_unix_ms(1) }, ..good() }, Some("50119")),
        (
            Case {
                state: HolderState::Expired { at: Moment::from_unix_ms(1), cause: EndCause::Idle },
                ..good()
            },
            Some("50119"),
        ),
        (Case { expires_at: Some(Moment::from_unix_ms(NOW)), ..good() }, Some("50119")),
        (Case { expires_at: Some(Moment::from_unix_ms(NOW + 1)), ..good() }, None),
        (Case { holds: Holds::NONE.with(Hold::Frozen), ..good() }, Some("50100")),
        (Case { holds: Holds::NONE.with(Hold::BrokenSeal), ..good() }, Some("50100")),
        (Case { holds: Holds::NONE.with(Hold::Leaked), ..good() }, Some("50120")),
        (
            Case {
                holds: Holds::NONE.with(Hold::Leaked),
                request: ("GET", "/api/v5/account/balance"),
                ..good()
            },
            Some("50120"),
        ),
        (Case { holds: Holds::NONE.with(Hold::Leaked).with(Hold::Frozen), ..good() }, Some("50100")),
        (Case { holds: Holds::NONE.with(Hold::ReadOnly), ..good() }, Some("50120")),
        (Case { holds: Holds::NONE.with(Hold::NewDevice), ..good() }, Some("50120")),
        (
            Case {
                holds: Holds::NONE.with(Hold::NewDevice),
                request: ("POST", "/api/v5/trade/cancel-order"),
                ..good()
            },
            Some("50120"),
        ),
        (
            Case {
                holds: Holds::NONE.with(Hold::NewDevice),
                request: ("GET", "/api/v5/account/balance"),
                ..good()
            },
            None,
        ),
        (Case { holds: Holds::NONE.with(Hold::CancelOnly), ..good() }, Some("50120")),
        (
            Case {
                holds: Holds::NONE.with(Hold::CancelOnly),
                request: ("POST", "/api/v5/trade/cancel-order"),
                ..good()
            },
            None,
        ),
        (
            Case {
                holds: Holds::NONE.with(Hold::ReadOnly),
                request: ("POST", "/api/v5/trade/cancel-order"),
                ..good()
            },
            Some("50120"),
        ),
        (Case { reach: set("203.0.113.10"), ..good() }, Some("50110")),
        (Case { reach: set("192.0.2.0/24"), ..good() }, None),
        (Case { reach: Reach::Canary, ..good() }, Some("50110")),
        (Case { reach: Reach::Canary, state: HolderState::Disabled, ..good() }, Some("50114")),
        (Case { reach: app(AppReach::Nowhere), ..good() }, Some("50110")),
        (Case { reach: app(AppReach::Frozen), ..good() }, Some("50100")),
        (Case { reach: app(ranges("192.0.2.0/24")), ..good() }, None),
        (Case { reach: app(ranges("203.0.113.0/24")), ..good() }, Some("50110")),
        (Case { environment: (Environment::Demo, Environment::Live), ..good() }, Some("50101")),
        (Case { environment: (Environment::Live, Environment::Demo), ..good() }, Some("50101")),
        (Case { request: ("GET", "/api/v5/nonsense"), ..good() }, Some("50005")),
        (Case { request: ("GET", "/api/v5/trade/cancel-order"), ..good() }, Some("50115")),
        (Case { permissions: Permissions::new([Permission::Read]).unwrap(), ..good() }, Some("50120")),
        (Case { request: ("POST", "/api/v5/broker/dma/subaccount/apikey"), ..good() }, Some("50030")),
        (administers(good()), Some("50035")),
        (administers(Case { reach: set("192.0.2.0/24"), ..good() }), None),
        (administers(Case { reach: set("0.0.0.0/0"), ..good() }), Some("50035")),
        (administers(Case { reach: set("192.0.2.0/24"), sub: true, ..good() }), Some("59500")),
        (administers(Case { permissions: Permissions::READ, ..good() }), Some("50120")),
        (Case { request: ("GET", "/api/v5/users/subaccount/list"), ..good() }, None),
        (Case { request: ("GET", "/api/v5/users/subaccount/apikey"), sub: true, ..good() }, Some("59500")),
        (Case { request: ("POST", "/api/v5/asset/transfer"), sub: true, ..good() }, None),
        (Case { request: ("POST", "/api/v5/asset/subaccount/transfer"), sub: true, ..good() }, Some("50030")),
        (Case { request: ("GET", "/api/v5/users/approvals"), sub: true, ..good() }, None),
        (Case { request: ("POST", "/api/v5/asset/transfer"), ..good() }, None),
        (Case { signed_at: NOW - 30_000, ..good() }, None),
        (Case { signed_at: NOW - 30_001, ..good() }, Some("50102")),
        (Case { signed_at: NOW + 30_001, ..good() }, Some("50102")),
    ];
    for (at, (case, code)) in cases.iter().enumerate() {
        assert_eq!(case.verdict().err().map(|denial| denial.entry().code), *code, "case {at}");
    }
}

/// A login holds for nothing but whose socket it is: what the key may do is asked again with each request, and the answer is
/// that of REST.
#[test]
fn a_socket_may_what_a_signed_request_may() {
    let good = Case::good;
    let holds = |hold| Case { holds: Holds::NONE.with(hold), ..good() };
    let route = |method, path| Case { request: (method, path), ..good() };
    let may = |permission| Case { permissions: Permissions::new([permission]).unwrap(), ..good() };
    let cancels = |hold| Case { request: ("POST", "/api/v5/trade/cancel-order"), ..holds(hold) };
    let cases = [
        good(),
        Case { state: HolderState::Disabled, ..good() },
        Case { state: HolderState::Deleted { at: Moment::from_unix_ms(1) }, ..good() },
        Case { expires_at: Some(Moment::from_unix_ms(NOW)), ..good() },
        Case { expires_at: Some(Moment::from_unix_ms(NOW + 1)), ..good() },
        holds(Hold::Frozen),
        holds(Hold::BrokenSeal),
        holds(Hold::Cooling),
        holds(Hold::Leaked),
        Case { reach: Reach::Canary, ..good() },
        holds(Hold::ReadOnly),
        holds(Hold::NewDevice),
        holds(Hold::CancelOnly),
        cancels(Hold::ReadOnly),
        cancels(Hold::NewDevice),
        cancels(Hold::CancelOnly),
        Case { reach: set("203.0.113.10"), ..good() },
        Case { reach: set("192.0.2.0/24"), ..good() },
        Case { reach: app(AppReach::Nowhere), ..good() },
        Case { reach: app(AppReach::Frozen), ..good() },
        Case { reach: app(ranges("192.0.2.0/24")), ..good() },
        Case { reach: app(ranges("203.0.113.0/24")), ..good() },
        Case { environment: (Environment::Demo, Environment::Live), ..good() },
        may(Permission::Read),
        may(Permission::Trade),
        may(Permission::Withdraw),
        route("POST", "/api/v5/trade/batch-orders"),
        route("POST", "/api/v5/users/subaccount/apikey"),
        Case { reach: set("192.0.2.0/24"), ..route("POST", "/api/v5/users/subaccount/apikey") },
        Case { sub: true, ..route("GET", "/api/v5/users/subaccount/list") },
        Case { sub: true, ..route("POST", "/api/v5/asset/transfer") },
        Case { sub: true, ..route("POST", "/api/v5/asset/subaccount/transfer") },
        route("POST", "/api/v5/asset/transfer"),
    ];
    let code = |verdict: Result<(), Denial>| verdict.err().map(|denial| denial.entry().code);
    for (at, case) in cases.iter().enumerate() {
        assert_eq!(code(case.over_socket()), code(case.verdict()), "case {at}");
    }
}

#[test]
fn a_socket_is_opened_for_whom_the_key_admits_and_ends_when_it_no_longer_does() {
    let refused = |case: Case| case.log_in().err().map(|denial| denial.entry().code);
    for (case, code) in [
        (Case { state: HolderState::Disabled, ..Case::good() }, "50114"),
        (Case { holds: Holds::NONE.with(Hold::Frozen), ..Case::good() }, "50100"),
        (Case { reach: set("203.0.113.10"), ..Case::good() }, "50110"),
        (Case { environment: (Environment::Live, Environment::Demo), ..Case::good() }, "50101"),
        (Case { signed_at: NOW - 31_000, ..Case::good() }, "50102"),
        (Case { expires_at: Some(Moment::from_unix_ms(NOW)), ..Case::good() }, "50119"),
    ] {
        assert_eq!(refused(case), Some(code));
    }
    // A quarantine that admits reads does not close a socket that only listens, and a right says what it may listen to.
    let login = Case::good().log_in().unwrap();
    let now = Moment::from_unix_ms(NOW);
    let reads = Case { holds: Holds::NONE.with(Hold::ReadOnly), ..Case::good() }.facts();
    assert!(login.still_holds(Some(&reads), now).is_ok() && login.still_holds(None, now).is_err());
    let other = KeyFacts { id: KeyId::from_entropy([4; 16]), ..Case::good().facts() };
    assert_eq!(login.still_holds(Some(&other), now), Err(Denial::KeyUnknown), "another key's facts");
    let body = Bytes::new();
    let parts = Case::good().parts(&body);
    let trades =
        || Case { permissions: Permissions::new([Permission::Trade]).unwrap(), ..Case::good() }.facts();
    assert!(login.subscribe(Some(reads), parts, [Permission::Read]).is_ok());
    let refused = login.subscribe(Some(trades()), parts, [Permission::Trade, Permission::Read]);
    assert_eq!(refused.err(), Some(Denial::PermissionMissing));
    assert!(login.subscribe(Some(trades()), parts, []).is_ok(), "public channels need no right");
    assert_eq!(login.subscribe(None, parts, []).err(), Some(Denial::KeyUnknown));
}

/// product.md 6.1: with several things wrong, the earlier check answers.
#[test]
fn the_earlier_check_answers() {
    let mut case = Case {
        signed_at: NOW + 60_000,
        state: HolderState::Disabled,
        holds: Holds::NONE,
        reach: set("203.0.113.10"),
        environment: (Environment::Demo, Environment::Live),
        permissions: Permissions::new([Permission::Withdraw]).unwrap(),
        ..Case::good()
    };
    let mut codes = vec![case.verdict().unwrap_err().entry().code];
    case.signed_at = NOW;
    codes.push(case.verdict().unwrap_err().entry().code);
    case.state = HolderState::Active;
    case.holds = Holds::NONE.with(Hold::Cooling);
    codes.push(case.verdict().unwrap_err().entry().code);
    case.holds = Holds::NONE;
    codes.push(case.verdict().unwrap_err().entry().code);
    case.reach = Reach::Anywhere;
    codes.push(case.verdict().unwrap_err().entry().code);
    case.environment = (Environment::Live, Environment::Live);
    codes.push(case.verdict().unwrap_err().entry().code);
    assert_eq!(codes, ["50102", "50114", "50100", "50110", "50101", "50120"]);
}

#[test]
fn a_listener_for_apps_is_for_their_keys_only() {
    let ranges = AddressSet::parse("192.0.2.0/24", HostBits::Refuse).unwrap();
    let of_app = Reach::App(AppId::from_u64(5).unwrap(), AppReach::Ranges(Arc::new(RangeTable::of(&ranges))));
    let apps = |reach| Case { door: Door::Apps, reach, ..Case::good() };
    assert_eq!(apps(of_app.clone()).verdict(), Ok(()));
    assert!(apps(of_app).log_in().is_ok());
    for reach in [Reach::Anywhere, Reach::Set(Arc::new(ranges.clone()))] {
        assert_eq!(apps(reach.clone()).verdict(), Err(Denial::AppKeysOnly));
        assert_eq!(apps(reach.clone()).log_in().err(), Some(Denial::AppKeysOnly));
        // A key that leaked is noticed here too.
        let elsewhere = AddressSet::parse("198.51.100.0/24", HostBits::Refuse).unwrap();
        let leaked = apps(Reach::Set(Arc::new(elsewhere)));
        assert!(matches!(leaked.verdict(), Err(Denial::AddressRefused(..))));
    }
}

#[test]
fn unpaid_tickets_give_no_permit() {
    let table = RouteTable::okx_v5(1).unwrap();
    let transfer = Case { request: ("POST", "/api/v5/asset/transfer"), ..Case::good() };
    let pay = |rate: ChargeAnswer, mark: ReplayAnswer, record: IntentAnswer| {
        let permit = |cleared: Cleared<'_>| -> Result<(), Denial> {
            let fresh = cleared
                .charge()
                .settle(rate)?
                .fence(&NoMarket)?
                .settle(ApprovalAnswer::NotOwed)?
                .settle(SumAnswer::NotOwed)?
                .claim()
                .settle(mark)?;
            let permit: Permit<'_> = fresh.intent().settle(record)?.permit(Moment::from_unix_ms(NOW));
            assert_eq!(permit.target(), b"/api/v5/asset/transfer");
            Ok(())
        };
        transfer.cleared(&table, &Bytes::new(), permit).unwrap().map_err(|denial| denial.entry().code)
    };
    assert_eq!(pay(ChargeAnswer::Taken(None), ReplayAnswer::New, IntentAnswer::Durable), Ok(()));
    assert_eq!(pay(ChargeAnswer::NoRoom, ReplayAnswer::New, IntentAnswer::Durable), Err("50013"));
    assert_eq!(pay(ChargeAnswer::Taken(None), ReplayAnswer::Repeated, IntentAnswer::Durable), Err("50042"));
    assert_eq!(pay(ChargeAnswer::Taken(None), ReplayAnswer::CannotTell, IntentAnswer::Durable), Err("50013"));
    assert_eq!(pay(ChargeAnswer::Taken(None), ReplayAnswer::NotOwed, IntentAnswer::Durable), Err("50001"));
    assert_eq!(pay(ChargeAnswer::Taken(None), ReplayAnswer::New, IntentAnswer::Failed), Err("50001"));
    assert_eq!(pay(ChargeAnswer::Taken(None), ReplayAnswer::New, IntentAnswer::NotOwed), Err("50001"));
}

/// The consent must be for this request and this transfer, and is owed by a sub-account's transfer alone.
#[test]
fn a_transfer_by_a_sub_account_goes_on_with_its_own_consent_alone() {
    let table = RouteTable::okx_v5(1).unwrap();
    let body = Bytes::from_static(br#"{"ccy":"USDT","amt":"1.50","from":"6","to":"18","type":"3"}"#);
    let transfer = |sub| Case { request: ("POST", "/api/v5/asset/transfer"), sub, ..Case::good() };
    let answered = |sub: bool, body: &Bytes, answer: ApprovalAnswer| {
        let settle = |cleared: Cleared<'_>| -> Result<bool, Denial> {
            let approval = cleared.charge().settle(ChargeAnswer::Taken(None))?.fence(&NoMarket)?;
            assert_eq!(approval.owed().is_some(), sub);
            let reservation = approval.settle(answer)?;
            Ok(reservation.request().consented().is_some())
        };
        transfer(sub).cleared(&table, body, settle).unwrap().map_err(|denial| denial.entry().code)
    };
    let meant = |text: &str| Transfer::parse(text).unwrap();
    let id = ApprovalId::from_u64(9).unwrap();
    let consent = |request, account, text| {
        let hash = meant(text).hash(Environment::Live, account);
        ApprovalAnswer::Passed(Consent { request: RequestId(request), hash, by: ConsentBy::Approval(id) })
    };
    let right = consent(1, account(), "USDT 1.5 6 18 3 - - -");
    assert_eq!(answered(true, &body, right), Ok(true));
    for (answer, code) in [
        (ApprovalAnswer::NotOwed, "50001"),
        (ApprovalAnswer::Failed, "50001"),
        (ApprovalAnswer::Waiting(id), "90450"),
        (ApprovalAnswer::Refused(id, Moment::from_unix_ms(NOW)), "90451"),
        (ApprovalAnswer::TooMany, "90452"),
        (consent(2, account(), "USDT 1.5 6 18 3 - - -"), "50001"),
        (consent(1, account(), "USDT 1.51 6 18 3 - - -"), "50001"),
        (consent(1, AccountId::from_u64(8).unwrap(), "USDT 1.5 6 18 3 - - -"), "50001"),
    ] {
        assert_eq!(answered(true, &body, answer), Err(code), "{answer:?}");
    }
    assert_eq!(answered(false, &body, ApprovalAnswer::NotOwed), Ok(false), "the master's own needs none");
    assert_eq!(answered(false, &body, right), Err("50001"));
    assert_eq!(answered(true, &Bytes::from_static(b"{}"), right), Err("90453"), "never waved through");
}

fn any_case() -> impl Strategy<Value = Case> {
    let requests = prop::sample::select(vec![
        ORDER,
        ("GET", "/api/v5/account/balance"),
        ("POST", "/api/v5/trade/cancel-order"),
        ("POST", "/api/v5/asset/withdrawal"),
        ("POST", "/api/v5/asset/transfer"),
        ("GET", "/api/v5/nonsense"),
    ]);
    (requests, 1_u8..32, 0_u16..512, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(request, bits, holds, disabled, bound, demo, sub)| Case {
            request,
            permissions: Permissions::from_bits(bits).unwrap(),
            // Holds are rare, so that many cases pass.
            holds: Holds::from_bits(if holds % 4 == 0 { holds } else { 0 }).unwrap(),
            state: if disabled { HolderState::Disabled } else { HolderState::Active },
            reach: if bound { set("192.0.2.0/24") } else { Reach::Anywhere },
            environment: (if demo { Environment::Demo } else { Environment::Live }, Environment::Live),
            sub,
            ..Case::good()
        },
    )
}

proptest! {
    #[test]
    fn a_restriction_never_turns_a_refusal_into_a_permit(case in any_case(), which in 0_u8..6, hold in 0_usize..9, drop in 0_usize..5) {
        let mut stricter = case.clone();
        match which {
            0 => stricter.holds = stricter.holds.with(Hold::ALL[hold]),
            1 => stricter.state = HolderState::Disabled,
            2 => stricter.reach = set("203.0.113.0/24"),
            3 => stricter.expires_at = Some(Moment::from_unix_ms(NOW - 1)),
            4 => stricter.sub = true,
            _ => {
                let less = stricter.permissions.iter().filter(|right| *right != Permission::ALL[drop]);
                if let Ok(less) = Permissions::new(less) {
                    stricter.permissions = less;
                }
            }
        }
        if case.verdict().is_err() {
            prop_assert!(stricter.verdict().is_err());
        }
    }

    #[test]
    fn one_changed_byte_is_refused(part in 0_u8..5, at in 0_usize..64, flip in 1_u8..128) {
        let stamp = Moment::from_unix_ms(NOW).to_string();
        let body = Bytes::from_static(br#"{"instId":"BTC-USDT","tdMode":"cash","side":"buy","sz":"1"}"#);
        let (method, target) = (Method::Post, ORDER.1.as_bytes().to_vec());
        let made = sign(&HmacState::from_key(SECRET), stamp.as_bytes(), b"POST", &target, &body);
        let mut parts = [target, body.to_vec(), made.as_bytes().to_vec(), stamp.into_bytes(), PHRASE.to_vec()];
        let changed = &mut parts[usize::from(part)];
        let place = at % changed.len();
        changed[place] ^= flip;
        let [target, body, signature, stamp, phrase] = parts;
        let table = RouteTable::okx_v5(1).unwrap();
        let body = Bytes::from(body);
        let credentials = Credentials {
            key: key(),
            sign: crate::okx::Signature::parse(&signature),
            timestamp: &stamp,
            form: TimestampForm::Iso,
            passphrase: &phrase,
            environment: Some(Environment::Live),
        };
        let whole = Whole {
            id: RequestId(1), method, target: &target, body: &body, plain: true,
            credentials,
            routed: table.find(method, &target), source: "192.0.2.1".parse().unwrap(), door: Door::Everybody, now: Moment::from_unix_ms(NOW),
        };
        let code = Received::new(whole).verify(Some(Case::good().facts()), &passphrases()).err().map(|denial| denial.entry().code);
        let expected: &[&str] = match part {
            0..=2 => &["50113"],
            3 => &["50112", "50102", "50113"],
            _ => &["50105"],
        };
        prop_assert!(code.is_some_and(|code| expected.contains(&code)), "{:?}", code);
    }
}
