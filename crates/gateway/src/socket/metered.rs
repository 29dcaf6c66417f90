//! A stream that counts what comes in: a message that never ends is noticed by its bytes.

use keyward_edge::{HearsBytes, TrackedStream};

/// A stream and the bytes that were read from it.
pub type Metered<S> = TrackedStream<S, Meter>;

/// Bytes that came since it was reset.
#[derive(Default)]
pub struct Meter(usize);

impl Meter {
    /// How many.
    pub const fn bytes(&self) -> usize {
        self.0
    }

    /// Takes bytes that were none of a message off the count.
    pub const fn forgive(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }

    /// Counts from here on.
    pub const fn reset(&mut self) {
        self.0 = 0;
    }
}

impl HearsBytes for Meter {
    fn bytes_came(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
    }
}

/// The stream, of which nothing was read.
pub fn metered<S>(stream: S) -> Metered<S> {
    TrackedStream::new(stream, Meter::default())
}
