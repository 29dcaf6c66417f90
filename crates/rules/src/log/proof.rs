//! Checking proofs, by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use super::tree::Hash;

/// A proof that proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct NotProven;

/// Checks that `leaf` is number `n` (from 0) in the tree of `size` leaves with `root`.
///
/// # Errors
/// [`NotProven`].
pub fn check_inclusion(proof: &[Hash], n: u64, leaf: Hash, size: u64, root: Hash) -> Result<(), NotProven> {
    if n >= size {
        return Err(NotProven);
    }
    let (mut at, mut last, mut reached) = (n, size - 1, leaf);
    for beside in proof {
        if last == 0 {
            return Err(NotProven);
        }
        if at & 1 == 1 || at == last {
            reached = Hash::of_children(beside, &reached);
            (at, last) = past_lone(at, last);
        } else {
            reached = Hash::of_children(&reached, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last == 0 && reached == root { Ok(()) } else { Err(NotProven) }
}

/// Checks that the tree of `old` leaves with `old_root` is the beginning of the one of `new` leaves with `new_root`.
///
/// # Errors
/// [`NotProven`].
pub fn check_consistency(
    proof: &[Hash],
    (old, old_root): (u64, Hash),
    (new, new_root): (u64, Hash),
) -> Result<(), NotProven> {
    let nothing_to_show = |equal: bool| if proof.is_empty() && equal { Ok(()) } else { Err(NotProven) };
    if old == 0 {
        return nothing_to_show(old_root == Hash::of_nothing());
    }
    if old == new {
        return nothing_to_show(old_root == new_root);
    }
    // A full old tree is itself the first hash of the path, and is left out of the proof.
    let whole = old.is_power_of_two().then_some(old_root);
    let mut path = whole.iter().chain(proof);
    let Some(first) = path.next().filter(|_| old < new) else { return Err(NotProven) };
    let skip = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> skip, (new - 1) >> skip);
    let (mut before, mut after) = (*first, *first);
    for beside in path {
        if last == 0 {
            return Err(NotProven);
        }
        if at & 1 == 1 || at == last {
            before = Hash::of_children(beside, &before);
            after = Hash::of_children(beside, &after);
            (at, last) = past_lone(at, last);
        } else {
            after = Hash::of_children(&after, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last == 0 && before == old_root && after == new_root { Ok(()) } else { Err(NotProven) }
}

/// Goes up past the levels on which the right edge has no neighbour.
const fn past_lone(mut at: u64, mut last: u64) -> (u64, u64) {
    while at & 1 == 0 && at != 0 {
        at >>= 1;
        last >>= 1;
    }
    (at, last)
}
