//! A key's own rate.

use crate::rate::Rate;

/// A rate of a key's own, below the standard ones: so many requests a second over all private routes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RateCap(u16);

/// A number that is no cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a rate cap is 1 to {} requests a second", RateCap::MOST)]
pub struct NotARateCap;

impl RateCap {
    /// The largest cap: more than any standard rate allows.
    pub const MOST: u16 = 1_000;

    /// Takes a number of requests a second.
    ///
    /// # Errors
    /// [`NotARateCap`] unless it is 1 to 1,000; zero would be another way to say "disabled".
    pub const fn new(per_second: u64) -> Result<Self, NotARateCap> {
        if per_second == 0 || per_second > Self::MOST as u64 {
            return Err(NotARateCap);
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let cap = per_second as u16;
        Ok(Self(cap))
    }

    /// Requests a second.
    #[must_use]
    pub const fn per_second(self) -> u16 {
        self.0
    }

    /// The cap as a rate.
    #[must_use]
    pub fn rate(self) -> Option<Rate> {
        Rate::new(u32::from(self.0), 1_000)
    }
}
