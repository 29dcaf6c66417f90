//! Hashes of RFC 6962, section 2.1, and the numbers under which full subtrees are stored.
//!
//! A hash is stored as soon as its subtree is full, right behind the leaf that filled it (the numbering of Go's
//! checksum database), so the log grows by appending and no stored hash is ever touched again.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A SHA-256 hash of a leaf or a subtree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of a leaf: 0x00, then its bytes.
    #[must_use]
    pub fn of_leaf(bytes: &[u8]) -> Self {
        sha256(&[&[0], bytes])
    }

    /// Of two subtrees side by side: 0x01, then both.
    #[must_use]
    pub fn of_children(left: &Self, right: &Self) -> Self {
        sha256(&[&[1], &left.0, &right.0])
    }

    /// Of a tree without leaves.
    #[must_use]
    pub fn of_nothing() -> Self {
        sha256(&[])
    }

    /// From 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From a column; `None` unless it has 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From base64, in its one spelling.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&STANDARD.decode(text).ok()?)
    }
}

/// In base64, as notes spell it.
impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// SHA-256 over the parts, one after the other.
pub(super) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Hash(bytes)
}

/// The number in storage of the `n`-th full subtree of `2^level` leaves.
#[must_use]
pub const fn stored_index(level: u32, n: u64) -> u64 {
    // The subtree's last leaf is written with all smaller subtrees that it fills, lowest first.
    let last = ((n + 1) << level) - 1;
    written_before(last) + level as u64
}

/// How many hashes are stored for `leaves` leaves.
#[must_use]
pub const fn stored_count(leaves: u64) -> u64 {
    written_before(leaves)
}

/// Hashes that stand before those of leaf `n`: each leaf, each pair, each four, … that is full by then.
const fn written_before(n: u64) -> u64 {
    let (mut sum, mut left) = (0, n);
    while left > 0 {
        sum += left;
        left >>= 1;
    }
    sum
}

/// Level and place of the stored hash with this number: the other way round of [`stored_index`].
#[must_use]
pub const fn split_index(index: u64) -> (u32, u64) {
    // At most two hashes stand per leaf, so the leaf lies between half the number and the number itself.
    let (mut low, mut high) = (index / 2, index + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if written_before(middle) <= index {
            low = middle;
        } else {
            high = middle;
        }
    }
    let level = (index - written_before(low)) as u32;
    (level, ((low + 1) >> level) - 1)
}

/// The stored hashes that appending leaf `n` needs: the left neighbours of what it fills, lowest first.
pub fn siblings(n: u64) -> impl Iterator<Item = u64> {
    (0..n.trailing_ones()).map(move |level| stored_index(level, (n >> level) - 1))
}

/// What appending a leaf stores, from [`stored_count`] on: its own hash, then each subtree that it fills.
#[must_use]
pub fn grown(leaf: Hash, siblings: &[Hash]) -> Vec<Hash> {
    let mut all = vec![leaf];
    let mut top = leaf;
    for left in siblings {
        top = Hash::of_children(left, &top);
        all.push(top);
    }
    all
}

/// Leaves from one number up to, but not with, another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first leaf.
    pub from: u64,
    /// The first leaf behind it.
    pub to: u64,
}

impl Span {
    /// The whole tree of `size` leaves.
    #[must_use]
    pub const fn tree(size: u64) -> Self {
        Self { from: 0, to: size }
    }

    /// The stored hashes that [`fold`] makes this span's hash of, from left to right. The span must be one that a
    /// split of RFC 6962 gives, or a whole tree.
    #[must_use]
    pub fn stored(self) -> Vec<u64> {
        let (mut from, mut all) = (self.from, Vec::new());
        while from < self.to {
            let level = (self.to - from).ilog2();
            all.push(stored_index(level, from >> level));
            from += 1 << level;
        }
        all
    }

    /// Where a tree over this span splits: after the largest power of two below its length.
    const fn middle(self) -> u64 {
        self.from + (1 << (self.to - self.from - 1).ilog2())
    }
}

/// The hash of a span from its full subtrees, left to right.
#[must_use]
pub fn fold(subtrees: &[Hash]) -> Hash {
    let joined = subtrees.iter().rev().copied().reduce(|right, left| Hash::of_children(&left, &right));
    joined.unwrap_or_else(Hash::of_nothing)
}

/// The spans whose hashes prove leaf `n` in a tree of `size` leaves, from the leaf up (RFC 6962, 2.1.1); `None` when
/// the tree has no such leaf.
#[must_use]
pub fn inclusion(size: u64, n: u64) -> Option<Vec<Span>> {
    if n >= size {
        return None;
    }
    let (mut at, mut path) = (Span::tree(size), Vec::new());
    while at.to - at.from > 1 {
        let middle = at.middle();
        let (left, right) = (Span { to: middle, ..at }, Span { from: middle, ..at });
        let (down, beside) = if n < middle { (left, right) } else { (right, left) };
        path.push(beside);
        at = down;
    }
    path.reverse();
    Some(path)
}

/// The spans whose hashes prove that the tree of `old` leaves is the beginning of the one of `new` (RFC 6962, 2.1.2);
/// `None` when it is larger. Nothing needs a proof for an empty tree.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Option<Vec<Span>> {
    if old > new {
        return None;
    }
    let (mut at, mut path, mut whole) = (Span::tree(new), Vec::new(), true);
    if old == 0 {
        return Some(path);
    }
    while at.to != old {
        let middle = at.middle();
        let (left, right) = (Span { to: middle, ..at }, Span { from: middle, ..at });
        if old <= middle {
            path.push(right);
            at = left;
        } else {
            path.push(left);
            at = right;
            whole = false;
        }
    }
    if !whole {
        path.push(at);
    }
    path.reverse();
    Some(path)
}

/// A tree that grows leaf by leaf in memory, holding only the full subtrees at its right edge.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Appends a leaf; gives the hashes that storage holds for it, as [`grown`] does.
    pub fn push(&mut self, leaf: Hash) -> Vec<Hash> {
        let filled = self.size.trailing_ones() as usize;
        let neighbours: Vec<Hash> = self.peaks.iter().rev().take(filled).copied().collect();
        self.peaks.truncate(self.peaks.len() - neighbours.len());
        let all = grown(leaf, &neighbours);
        self.peaks.extend(all.last());
        self.size += 1;
        all
    }

    /// Leaves so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.peaks)
    }
}
