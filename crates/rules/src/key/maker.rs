//! What a key may hand on to the keys that it creates for sub-accounts (product.md 5): never more than it has itself.

use super::environment::Environment;
use super::rate_cap::RateCap;
use super::spec::KeySpec;
use crate::address::Binding;
use crate::fence::Fences;
use crate::permission::{Permission, Permissions};
use crate::time::Moment;

/// A key that creates another, as far as the other must lie within it.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'k> {
    /// What it may do.
    pub permissions: Permissions,
    /// Where it works from.
    pub binding: &'k Binding,
    /// Live or demo.
    pub environment: Environment,
    /// When it ends.
    pub expires_at: Option<Moment>,
    /// Its own rate.
    pub rate_cap: Option<RateCap>,
    /// Its own limits.
    pub fences: Option<&'k Fences>,
}

/// In what a new key goes beyond the key that creates it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Wider {
    /// It may do something else.
    #[error("the key that creates it does not have the permission {}", .0.word())]
    Permission(Permission),
    /// It works from other addresses.
    #[error("it works from addresses that the key that creates it does not work from")]
    Addresses,
    /// It is for the other environment.
    #[error("it is for another environment than the key that creates it")]
    Environment,
    /// It lives longer.
    #[error("it lives longer than the key that creates it")]
    Expiry,
    /// It has a higher rate.
    #[error("its rate is higher than that of the key that creates it")]
    Rate,
    /// Its limits let more through.
    #[error("its limits are less strict than those of the key that creates it")]
    Limits,
}

impl Maker<'_> {
    /// Whether a new key lies within this one. What does is made at once; everything else needs the approval of a person.
    ///
    /// # Errors
    /// The first thing in which it does not, as [`Wider`].
    pub fn covers(&self, spec: &KeySpec) -> Result<(), Wider> {
        if let Some(more) = spec.permissions.iter().find(|right| !self.permissions.allows(*right)) {
            return Err(Wider::Permission(more));
        }
        if !self.covers_addresses(&spec.binding) {
            return Err(Wider::Addresses);
        }
        if spec.environment != self.environment {
            return Err(Wider::Environment);
        }
        if !at_most(spec.expires_at, self.expires_at) {
            return Err(Wider::Expiry);
        }
        if !at_most(spec.rate_cap, self.rate_cap) {
            return Err(Wider::Rate);
        }
        let (own, none) = (spec.fences.as_deref(), Fences::default());
        if self.fences.is_some_and(|fences| !own.unwrap_or(&none).is_within(fences)) {
            return Err(Wider::Limits);
        }
        Ok(())
    }

    /// Whether a key that works from `binding` works from nowhere where this one does not. A canary, which admits nothing, is no
    /// key that a program asks for.
    #[must_use]
    pub fn covers_addresses(&self, binding: &Binding) -> bool {
        match binding {
            Binding::Anywhere | Binding::Addresses(_) | Binding::App(_) => self.binding.covers(binding),
            Binding::Canary => false,
        }
    }
}

/// Whether a bound is at most another; `None` is no bound at all.
fn at_most<T: PartialOrd>(own: Option<T>, most: Option<T>) -> bool {
    match (own, most) {
        (_, None) => true,
        (Some(own), Some(most)) => own <= most,
        (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::{Maker, Wider};
    use crate::address::{AddressSet, Binding, HostBits};
    use crate::fence::Fences;
    use crate::key::{Environment, KeyName, KeySpec, RateCap, WideRange};
    use crate::permission::Permissions;
    use crate::time::Moment;

    const PLACES: [&str; 6] =
        ["", "0.0.0.0/0", "192.0.2.0/24", "192.0.2.7", "192.0.2.0/25,2001:db8::1", "198.51.100.1"];
    const LIMITS: [&str; 4] = [
        "",
        r#"{"instruments":["BTC-USDT"]}"#,
        r#"{"instruments":["BTC-USDT","ETH-USDT"]}"#,
        r#"{"daily_orders":5}"#,
    ];

    fn binding(at: usize) -> Binding {
        match PLACES[at] {
            "" => Binding::Anywhere,
            list => Binding::Addresses(AddressSet::parse(list, HostBits::Refuse).unwrap()),
        }
    }

    fn limits(at: usize) -> Option<Arc<Fences>> {
        let text = LIMITS[at];
        (!text.is_empty()).then(|| Arc::new(crate::fence::read(text).unwrap()))
    }

    fn spec() -> impl Strategy<Value = KeySpec> {
        let bound = || prop::option::of(1_u64..4);
        (1_u8..32, 0..PLACES.len(), any::<bool>(), bound(), bound(), 0..LIMITS.len()).prop_map(
            |(bits, place, demo, end, rate, limit)| KeySpec {
                name: KeyName::parse("bot").unwrap(),
                permissions: Permissions::from_bits(bits).unwrap(),
                binding: binding(place),
                wide: WideRange::Acknowledged,
                environment: if demo { Environment::Demo } else { Environment::Live },
                expires_at: end.map(Moment::from_unix_ms),
                rate_cap: rate.map(|rate| RateCap::new(rate).unwrap()),
                fences: limits(limit),
            },
        )
    }

    fn of(spec: &KeySpec) -> Maker<'_> {
        Maker {
            permissions: spec.permissions,
            binding: &spec.binding,
            environment: spec.environment,
            expires_at: spec.expires_at,
            rate_cap: spec.rate_cap,
            fences: spec.fences.as_deref(),
        }
    }

    /// Whether a key admits an address, by the plainest reading.
    fn admits(binding: &Binding, address: IpAddr) -> bool {
        match binding {
            Binding::Anywhere => true,
            Binding::Addresses(set) => set.contains(address),
            Binding::App(_) | Binding::Canary => false,
        }
    }

    proptest! {
        /// What lies within a key can do nothing that the key cannot do: right by right, address by address, to the last moment.
        #[test]
        fn what_is_covered_does_nothing_more(maker in spec(), made in spec(), octet: u8, other: bool, at in 0_u64..5) {
            let address: IpAddr = if other {
                "2001:db8::1".parse().unwrap()
            } else {
                IpAddr::from([192, 0, 2, octet])
            };
            if of(&maker).covers(&made).is_ok() {
                prop_assert!(made.permissions.iter().all(|right| maker.permissions.allows(right)));
                prop_assert!(!admits(&made.binding, address) || admits(&maker.binding, address));
                prop_assert_eq!(made.environment, maker.environment);
                let lives = |spec: &KeySpec| spec.expires_at.is_none_or(|end| end.unix_ms() > at);
                prop_assert!(!lives(&made) || lives(&maker));
                let rate = |spec: &KeySpec| spec.rate_cap.map_or(u16::MAX, RateCap::per_second);
                prop_assert!(rate(&made) <= rate(&maker));
                let none = Fences::default();
                let own = made.fences.as_deref().unwrap_or(&none);
                prop_assert!(own.is_within(maker.fences.as_deref().unwrap_or(&none)));
            }
            prop_assert_eq!(of(&maker).covers(&maker), Ok(()));
        }

        /// Keys that keys create are within the first of them, however long the chain is.
        #[test]
        fn a_chain_gets_no_wider(chain in prop::collection::vec(spec(), 2..6)) {
            let links = chain.windows(2).all(|pair| of(&pair[0]).covers(&pair[1]).is_ok());
            if let (true, [first, .., last]) = (links, chain.as_slice()) {
                prop_assert_eq!(of(first).covers(last), Ok(()));
            }
        }
    }

    #[test]
    fn every_kind_of_more_is_noticed() {
        let base = KeySpec {
            name: KeyName::parse("bot").unwrap(),
            permissions: Permissions::from_bits(3).unwrap(),
            binding: binding(2),
            wide: WideRange::NotAcknowledged,
            environment: Environment::Live,
            expires_at: Some(Moment::from_unix_ms(5)),
            rate_cap: Some(RateCap::new(5).unwrap()),
            fences: limits(1),
        };
        let wider = |change: fn(&mut KeySpec)| {
            let mut spec = base.clone();
            change(&mut spec);
            of(&base).covers(&spec).unwrap_err()
        };
        let rights = wider(|spec| spec.permissions = Permissions::from_bits(7).unwrap());
        assert!(matches!(rights, Wider::Permission(_)), "{rights}");
        for place in [0, 1, 4, 5] {
            let spec = KeySpec { binding: binding(place), ..base.clone() };
            assert_eq!(of(&base).covers(&spec), Err(Wider::Addresses), "{place}");
        }
        assert_eq!(
            of(&base).covers(&KeySpec { binding: Binding::Canary, ..base.clone() }),
            Err(Wider::Addresses)
        );
        assert_eq!(wider(|spec| spec.environment = Environment::Demo), Wider::Environment);
        assert_eq!(wider(|spec| spec.expires_at = None), Wider::Expiry);
        assert_eq!(wider(|spec| spec.expires_at = Some(Moment::from_unix_ms(6))), Wider::Expiry);
        assert_eq!(wider(|spec| spec.rate_cap = None), Wider::Rate);
        assert_eq!(wider(|spec| spec.fences = None), Wider::Limits);
        assert_eq!(wider(|spec| spec.fences = limits(2)), Wider::Limits);
        let narrower = KeySpec { binding: binding(3), permissions: Permissions::READ, ..base.clone() };
        assert_eq!(of(&base).covers(&narrower), Ok(()));
    }
}
