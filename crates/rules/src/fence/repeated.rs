//! How often an order may be repeated.

/// How often something may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Repeated {
    /// So many times, at least 2.
    pub times: u8,
    /// In so many seconds, at least 1.
    pub seconds: u16,
}
