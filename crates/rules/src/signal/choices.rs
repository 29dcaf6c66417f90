//! What a key's holder wants to hear of.

use std::fmt;
use std::str::FromStr;

use super::kind::{NotASignal, Signal, SignalKind, SignalSet};

/// Which signals of a key are told, and from how many requests on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SignalChoices {
    /// Not told at all.
    pub muted: SignalSet,
    /// Only bursts of at least so many requests in three seconds are told.
    pub burst_from: Option<u32>,
    /// Only refusals of at least so many within a minute are told.
    pub refusals_from: Option<u32>,
}

/// The largest number that can be chosen.
pub const MOST_FROM: u32 = 1_000_000;

impl SignalChoices {
    /// Everything is told.
    pub const ALL_TOLD: Self = Self { muted: SignalSet::NONE, burst_from: None, refusals_from: None };

    /// Whether the holder wants to hear of this one.
    #[must_use]
    pub fn tells(&self, signal: &Signal) -> bool {
        self.tells_kind(signal.kind, signal)
    }

    /// How many different unusual things there are that the holder wants to hear of: what a rule for quarantine goes by.
    #[must_use]
    pub fn count(&self, signal: &Signal) -> usize {
        let told = signal.together.kinds().filter(|kind| self.tells_kind(*kind, signal));
        let (networks, others): (Vec<_>, Vec<_>) = told.partition(|kind| *kind == SignalKind::TwoNetworks);
        // Both say that it is used from a new place.
        others.len() + usize::from(signal.new_network || !networks.is_empty())
    }

    /// The size that a signal would have to have, where it is too small to be told.
    #[must_use]
    pub fn too_small(&self, signal: &Signal) -> Option<(SignalKind, u32)> {
        let from = self.from(signal.kind).filter(|from| signal.sizes.of(signal.kind) < *from)?;
        (!self.muted.has(signal.kind)).then_some((signal.kind, from))
    }

    fn tells_kind(&self, kind: SignalKind, signal: &Signal) -> bool {
        !self.muted.has(kind) && self.from(kind).is_none_or(|from| signal.sizes.of(kind) >= from)
    }

    const fn from(&self, kind: SignalKind) -> Option<u32> {
        match kind {
            SignalKind::Burst => self.burst_from,
            SignalKind::Refusals => self.refusals_from,
            SignalKind::NewUse
            | SignalKind::FirstWithdrawal
            | SignalKind::Dormant
            | SignalKind::TwoNetworks => None,
        }
    }
}

/// The muted kinds, then the numbers, with a blank between: `dormant burst>500`. Empty where everything is told.
impl fmt::Display for SignalChoices {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.muted.kinds().map(|kind| kind.word().to_owned()).collect();
        let numbers = [(SignalKind::Burst, self.burst_from), (SignalKind::Refusals, self.refusals_from)];
        words.extend(
            numbers.into_iter().filter_map(|(kind, from)| Some(format!("{}>{}", kind.word(), from?))),
        );
        out.write_str(&words.join(" "))
    }
}

impl FromStr for SignalChoices {
    type Err = NotASignal;

    fn from_str(text: &str) -> Result<Self, NotASignal> {
        let (mut choices, mut muted) = (Self::ALL_TOLD, Vec::new());
        for word in text.split_whitespace() {
            let Some((kind, from)) = word.split_once('>') else {
                muted.push(word.parse()?);
                continue;
            };
            let from = from.parse().ok().filter(|from| (1..=MOST_FROM).contains(from)).ok_or(NotASignal)?;
            match kind.parse()? {
                SignalKind::Burst => choices.burst_from = Some(from),
                SignalKind::Refusals => choices.refusals_from = Some(from),
                SignalKind::NewUse
                | SignalKind::FirstWithdrawal
                | SignalKind::Dormant
                | SignalKind::TwoNetworks => return Err(NotASignal),
            }
        }
        Ok(Self { muted: SignalSet::of(muted), ..choices })
    }
}

#[cfg(test)]
mod tests {
    use super::SignalChoices;
    use crate::signal::{Signal, SignalKind, SignalSet, Sizes};

    #[test]
    fn choices_read_back() {
        for text in ["", "burst", "dormant refusals", "dormant burst>500", "burst>1 refusals>60"] {
            assert_eq!(text.parse::<SignalChoices>().unwrap().to_string(), text);
        }
        for wrong in ["storm", "burst>", "burst>0", "burst>1000001", "dormant>5", "burst>-1"] {
            assert!(wrong.parse::<SignalChoices>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_too_small_is_neither_told_nor_counted() {
        let signal = |requests| Signal {
            kind: SignalKind::Burst,
            evidence: String::new(),
            together: SignalSet::of([SignalKind::Burst, SignalKind::NewUse]),
            new_network: false,
            sizes: Sizes { requests, refusals: 0 },
        };
        let choices: SignalChoices = "burst>500".parse().unwrap();
        assert!(!choices.tells(&signal(499)) && choices.tells(&signal(500)));
        assert_eq!((choices.count(&signal(499)), choices.count(&signal(500))), (1, 2));
        let muted: SignalChoices = "burst".parse().unwrap();
        assert!(!muted.tells(&signal(9_999)));
        assert_eq!((muted.count(&signal(9_999)), SignalChoices::ALL_TOLD.count(&signal(1))), (1, 2));
    }
}
