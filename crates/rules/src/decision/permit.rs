//! The permit: the only thing that can be forwarded on a private route.

use bytes::Bytes;

use super::request::{Cleared, Parts};
use crate::key::KeyFacts;
use crate::route::{Method, Route};
use crate::time::Moment;

/// A request that may be forwarded, once, until its deadline.
pub struct Permit<'r> {
    cleared: Cleared<'r>,
    deadline: Moment,
}

impl<'r> Permit<'r> {
    pub(super) const fn new(cleared: Cleared<'r>, deadline: Moment) -> Self {
        Self { cleared, deadline }
    }

    /// The request that was checked.
    #[inline]
    #[must_use]
    pub const fn parts(&self) -> &Parts<'r> {
        &self.cleared.parts
    }

    /// The verified method.
    #[inline]
    #[must_use]
    pub const fn method(&self) -> Method {
        self.cleared.parts.method
    }

    /// The verified target.
    #[inline]
    #[must_use]
    pub const fn target(&self) -> &'r [u8] {
        self.cleared.parts.target
    }

    /// The verified body.
    #[inline]
    #[must_use]
    pub const fn body(&self) -> &'r Bytes {
        self.cleared.parts.body
    }

    /// The route.
    #[inline]
    #[must_use]
    pub const fn route(&self) -> &'r Route {
        self.cleared.route
    }

    /// The key.
    #[inline]
    #[must_use]
    pub const fn facts(&self) -> &KeyFacts {
        &self.cleared.facts
    }

    /// The request, for what it took from the sums of the day. Who forwards it gives back what the exchange does not take.
    #[inline]
    #[must_use]
    pub const fn request(&self) -> &Cleared<'r> {
        &self.cleared
    }

    /// After this moment not a byte may go upstream.
    #[inline]
    #[must_use]
    pub const fn deadline(&self) -> Moment {
        self.deadline
    }
}
