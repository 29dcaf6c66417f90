//! What is found of keys, one situation after the other; and laws over many.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::{
    FindingKind, KeyEvidence, KnownUse, NextStep, Powers, Remedy, RemedyRefused, Score, SeenSources, check,
    findings, offers, questions,
};
use crate::address::{AddressSet, Binding, HostBits};
use crate::fence::{self, Fences};
use crate::id::AppId;
use crate::key::Environment;
use crate::limits::DAY_MS;
use crate::permission::{Permission, Permissions};
use crate::time::Moment;

const NOW: u64 = 20_700;

static BOUND: LazyLock<Binding> = LazyLock::new(|| addresses("203.0.113.7"));
static LIMITS: LazyLock<Fences> = LazyLock::new(|| {
    fence::read(r#"{"max_order_value": "500", "transfer": {"destinations": ["trading"]}}"#).unwrap()
});

fn day(number: u64) -> Moment {
    Moment::from_unix_ms(number * DAY_MS)
}

fn addresses(list: &str) -> Binding {
    Binding::Addresses(AddressSet::parse(list, HostBits::Refuse).unwrap())
}

fn rights(words: &str) -> Permissions {
    Permissions::new(words.split(',').map(|word| word.parse().unwrap())).unwrap()
}

/// A key of 60 days that did what it may, from where it may, until today.
fn known() -> KnownUse {
    KnownUse {
        since: day(NOW - 60),
        permissions: Some(vec![Permission::Read, Permission::Trade]),
        sources: seen(&["203.0.113.7"]),
        two_networks_at: None,
    }
}

fn seen(list: &[&str]) -> SeenSources {
    SeenSources::All(list.iter().map(|text| (text.parse::<IpAddr>().unwrap(), day(NOW))).collect())
}

fn good(known: &KnownUse) -> KeyEvidence<'_> {
    KeyEvidence {
        permissions: rights("read,trade"),
        binding: &BOUND,
        environment: Environment::Live,
        powers: Powers::All,
        leaked: false,
        created_at: day(NOW - 60),
        last_used_at: Some(day(NOW)),
        expires_at: Some(day(NOW + 30)),
        limits: Some(&LIMITS),
        known,
    }
}

fn kinds(key: &KeyEvidence<'_>) -> Vec<FindingKind> {
    findings(key, day(NOW)).into_iter().map(|finding| finding.kind).collect()
}

fn evidence(key: &KeyEvidence<'_>, kind: FindingKind) -> String {
    let found = findings(key, day(NOW));
    found.into_iter().find(|one| one.kind == kind).map(|one| one.evidence).unwrap_or_default()
}

#[test]
fn a_good_key_has_no_findings_and_a_hundred_points() {
    let known = known();
    let key = good(&known);
    assert_eq!(kinds(&key), []);
    assert_eq!(Score::of(kinds(&key)).points, 100);
    let text: Vec<String> = questions(&key, day(NOW)).into_iter().map(|one| one.known).collect();
    assert!(text[0].contains("Last used on") && text[1] == "Used: read and trade.", "{text:?}");
    assert!(text[3].contains("is not recorded"), "what is not known is said: {text:?}");
}

#[test]
fn each_situation_is_found_with_its_evidence() {
    use FindingKind as Kind;
    let known = known();
    let base = good(&known);
    let anywhere = Binding::Anywhere;
    let found = |change: &dyn Fn(&mut KeyEvidence<'_>)| {
        let mut key = base.clone();
        change(&mut key);
        kinds(&key)
    };
    assert_eq!(found(&|key| key.leaked = true), [Kind::Leaked]);
    assert_eq!(found(&|key| key.expires_at = None), [Kind::NoExpiry]);
    assert_eq!(found(&|key| key.limits = None), [Kind::NoLimits]);
    assert_eq!(found(&|key| key.created_at = day(NOW - 90)), [Kind::Old]);
    assert_eq!(found(&|key| key.last_used_at = Some(day(NOW - 30))), [Kind::Dormant]);
    assert_eq!(found(&|key| key.last_used_at = Some(day(NOW - 29))), []);
    let mut key = base.clone();
    key.binding = &anywhere;
    assert_eq!(kinds(&key), [Kind::UnboundTrade]);
    assert!(evidence(&key, Kind::UnboundTrade).contains("It was used from 203.0.113.7."));
    key.permissions = rights("read");
    assert_eq!(kinds(&key), [Kind::UnboundRead]);
    key.permissions = rights("read,funding");
    assert_eq!(kinds(&key), [Kind::UnboundFunds, Kind::UnusedFunds]);
    assert!(evidence(&key, Kind::UnusedFunds).starts_with("funding was not used since "), "{key:?}");
    key.environment = Environment::Demo;
    assert_eq!(kinds(&key), [], "demo keys move nothing");
    key.environment = Environment::Live;
    key.powers = Powers::Nothing;
    assert_eq!(kinds(&key), [], "what is disabled does no harm");
    key.powers = Powers::Reads;
    assert_eq!(kinds(&key), [Kind::UnboundRead], "in quarantine only reading counts");
}

#[test]
fn withdrawals_need_a_list_and_a_daily_limit_that_refuse() {
    use FindingKind as Kind;
    let place = r#"{"ccy": "USDT", "chain": "USDT-TRC20", "address": "TXYZ"}"#;
    let listed = format!(r#""withdrawal": {{"destinations": [{place}]}}"#);
    let daily = format!(r#""withdrawal": {{"destinations": [{place}], "daily": {{"USDT": "5"}}}}"#);
    let all = [
        ("{}".to_owned(), true),
        (format!("{{{listed}}}"), true),
        (format!("{{{daily}}}"), false),
        (format!(r#"{{"monitor": {{{daily}}}}}"#), true),
    ];
    for (text, open) in all {
        let limits = fence::read(&text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
        let mut known = known();
        known.permissions = Some(Permission::ALL.to_vec());
        let mut key = good(&known);
        key.permissions = rights("read,withdraw");
        key.limits = Some(&limits).filter(|limits| !limits.is_empty());
        assert_eq!(kinds(&key).contains(&Kind::OpenWithdrawals), open, "{text}");
    }
}

#[test]
fn young_or_unknown_use_is_held_against_nobody() {
    use FindingKind as Kind;
    let two = addresses("203.0.113.7,198.51.100.9");
    let mut known = known();
    known.permissions = Some(vec![Permission::Read]);
    let of = |known: &KnownUse| {
        let mut key = good(known);
        key.binding = &two;
        kinds(&key)
    };
    assert_eq!(of(&known), [Kind::UnusedAddresses, Kind::UnusedPermission]);
    known.since = day(NOW - 13);
    assert_eq!(of(&known), [], "13 days are too few");
    known.since = day(NOW - 60);
    known.permissions = None;
    known.sources = SeenSources::Many;
    assert_eq!(of(&known), [], "what is not known is not found");
    known.sources = seen(&[]);
    known.permissions = Some(Vec::new());
    let mut key = good(&known);
    key.binding = &two;
    key.last_used_at = None;
    assert_eq!(kinds(&key), [Kind::Dormant], "a key that was never used is that, and nothing else");
    let text: Vec<String> = questions(&key, day(NOW)).into_iter().map(|one| one.known).collect();
    assert!(text[0].starts_with("Never used.") && text[1].contains("Used: none."), "{text:?}");
}

#[test]
fn an_apps_addresses_are_neither_found_nor_told() {
    let app = Binding::App(AppId::from_u64(7).unwrap());
    let mut known = known();
    known.sources = SeenSources::Hidden;
    let mut key = good(&known);
    key.binding = &app;
    assert_eq!(kinds(&key), []);
    let text = format!("{:?}", questions(&key, day(NOW)));
    assert!(text.contains("the servers of its app") && !text.contains("203.0.113"), "{text}");
    assert!(!offers(&key, day(NOW)).iter().any(|one| matches!(one, Remedy::Narrow(_))));
}

#[test]
fn what_narrows_keeps_every_address_that_was_used_and_adds_none() {
    let cases = [
        // A network that was used stays whole, one that was not goes.
        ("203.0.113.0/24,198.51.100.9", vec!["203.0.113.7"], Some("203.0.113.0/24")),
        // A wide range becomes the networks that were used.
        ("203.0.0.0/16", vec!["203.0.113.7", "203.0.5.1"], Some("203.0.5.0/24,203.0.113.0/24")),
        ("2001:db8::/32", vec!["2001:db8:7::1"], Some("2001:db8:7::/48")),
        // An address that the key is not bound to any more comes back by no review.
        ("203.0.113.7,198.51.100.9", vec!["203.0.113.7", "192.0.2.1"], Some("203.0.113.7")),
        ("203.0.113.7", vec!["203.0.113.7"], None),
        ("203.0.113.7", vec!["192.0.2.1"], None),
    ];
    for (bound, used, to) in cases {
        let binding = addresses(bound);
        let mut known = known();
        known.sources = seen(&used);
        let mut key = good(&known);
        key.binding = &binding;
        let found = offers(&key, day(NOW)).into_iter().find_map(|one| match one {
            Remedy::Narrow(set) => Some(set),
            Remedy::Keep
            | Remedy::Expire { .. }
            | Remedy::StopTrading
            | Remedy::ReadOnly
            | Remedy::Disable
            | Remedy::Delete => None,
        });
        assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), to, "{bound}");
        if let (Some(to), Binding::Addresses(from)) = (found, &binding) {
            assert!(from.covers(&to), "{bound}");
            let kept = |address: &&str| {
                !from.contains(address.parse().unwrap()) || to.contains(address.parse().unwrap())
            };
            assert!(used.iter().all(kept), "{bound}");
        }
    }
    let anywhere = Binding::Anywhere;
    let mut known = known();
    let mut key = good(&known);
    key.binding = &anywhere;
    let found = findings(&key, day(NOW));
    let to = AddressSet::parse("203.0.113.0/24", HostBits::Refuse).unwrap();
    assert_eq!(found[0].next, NextStep::Apply(Remedy::Narrow(to)));
    known.sources = SeenSources::Many;
    let mut key = good(&known);
    key.binding = &anywhere;
    assert_eq!(findings(&key, day(NOW))[0].next, NextStep::Addresses, "the user must say where");
}

/// A review takes rights away, whatever a program asks for.
#[test]
fn an_answer_that_takes_nothing_away_is_refused() {
    let known = known();
    let key = good(&known);
    let refused = |key: &KeyEvidence<'_>, text: &str| check(key, &text.parse().unwrap(), day(NOW));
    for text in [
        "narrow 203.0.113.7",
        "narrow 203.0.113.0/24",
        "narrow 203.0.113.7,203.0.113.8",
        "narrow 0.0.0.0/0",
        "expire 30",
        "expire 31",
        "expire 3650",
    ] {
        assert_eq!(refused(&key, text), Err(RemedyRefused::NothingTaken), "{text}");
    }
    for text in ["keep", "delete", "disable", "stop_trading", "read_only", "expire 29"] {
        assert_eq!(refused(&key, text), Ok(()), "{text}");
    }
    let mut reader = key.clone();
    reader.permissions = rights("read");
    for text in ["stop_trading", "read_only"] {
        assert!(refused(&reader, text).is_err(), "{text}: it only reads anyway");
    }
    let mut stopped = key.clone();
    stopped.powers = Powers::Nothing;
    for text in ["stop_trading", "read_only", "disable"] {
        assert!(refused(&stopped, text).is_err(), "{text}: it does nothing anyway");
    }
    let anywhere = Binding::Anywhere;
    let mut unbound = key.clone();
    unbound.binding = &anywhere;
    assert!(refused(&unbound, "narrow 0.0.0.0/0").is_err(), "which would count as unbound");
    assert!(refused(&unbound, "narrow 198.51.100.0/24").is_ok());
}

/// Every offer is one that the rules take, and every suggestion is an offer.
#[test]
fn offers_are_accepted_and_suggestions_are_offered() {
    let bindings = [Binding::Anywhere, addresses("203.0.113.7,198.51.100.0/22"), addresses("0.0.0.0/0")];
    let mut seen_kinds = Vec::new();
    for binding in &bindings {
        for words in ["read", "read,trade", "withdraw", "read,funding", "manage"] {
            for powers in [Powers::Nothing, Powers::Reads, Powers::Cancels, Powers::All] {
                for (used, leaked) in [(None, true), (Some(day(NOW - 40)), false), (Some(day(NOW)), false)] {
                    let mut known = known();
                    known.two_networks_at = used;
                    let mut key = good(&known);
                    (key.binding, key.permissions, key.powers) = (binding, rights(words), powers);
                    (key.last_used_at, key.leaked) = (used, leaked);
                    (key.expires_at, key.limits, key.created_at) = (None, None, day(NOW - 200));
                    let all = offers(&key, day(NOW));
                    assert_eq!(all.first(), Some(&Remedy::Keep));
                    assert!(all.iter().all(|one| check(&key, one, day(NOW)).is_ok()), "{key:?}");
                    let found = findings(&key, day(NOW));
                    assert!(found.windows(2).all(|pair| pair[0].kind < pair[1].kind), "{found:?}");
                    for finding in found {
                        assert!(finding.evidence.ends_with('.'), "{finding:?}");
                        seen_kinds.push(finding.kind);
                        if let NextStep::Apply(remedy) = finding.next {
                            assert!(all.contains(&remedy), "{remedy} for {key:?}");
                        }
                    }
                }
            }
        }
    }
    for kind in FindingKind::ALL {
        assert_eq!(kind.word().parse(), Ok(*kind));
        // The other situations are those of a bound key, and of one that does not use what it may.
        let elsewhere = matches!(
            kind,
            FindingKind::UnusedAddresses | FindingKind::WideAddresses | FindingKind::UnusedPermission
        );
        assert!(elsewhere || seen_kinds.contains(kind), "{kind} is never found");
    }
}
