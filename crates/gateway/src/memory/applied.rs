//! What became of a change that was offered to the memory.

/// What applying a change found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// The memory now holds it.
    Stored,
    /// The memory knew something newer or final; nothing changed.
    Older,
    /// The store offers an older version than this node has seen: somebody put a row back.
    RolledBack,
    /// No slot is left.
    Full,
}
