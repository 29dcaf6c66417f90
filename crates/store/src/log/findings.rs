//! What is wrong with a log, in words for the person who must act.

use std::collections::HashMap;
use std::fmt;

use keyward_rules::log::{Hash, NotACheckpoint};

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The record is not the one that the tree holds the hash of.
    Altered(u64),
    /// The date beside the record is not the record's.
    Redated(u64),
    /// A record that was never written stands here, and those behind it moved on.
    Inserted(u64),
    /// Two records, each in the other's place.
    Swapped(u64, u64),
    /// The record in the first place is the one of the second.
    Moved(u64, u64),
    /// These are gone, the first and the last; those behind them may have moved up.
    Removed(u64, u64),
    /// Records stand behind the last one that was ever counted.
    Uncounted(u64, u64),
    /// The hash of these records, the first and the last, is not what they give.
    Tree(u64, u64),
    /// The tree knows so many records, but there are fewer, the second number.
    CutFromTree(u64, u64),
    /// A checkpoint says another root; the records up to the first number agree with what was signed before.
    Rewritten {
        /// Records that still agree.
        good: u64,
        /// Records that the checkpoint covers.
        size: u64,
        /// Which checkpoint.
        source: String,
    },
    /// A checkpoint covers more records than there are.
    Cut {
        /// Records that there are.
        records: u64,
        /// Records that the checkpoint covers.
        size: u64,
        /// Which checkpoint.
        source: String,
    },
    /// A checkpoint was signed, and the store has it no more.
    Dropped {
        /// Records that it covers.
        size: u64,
        /// What shows that it was signed.
        source: String,
    },
    /// The store has fewer checkpoints than were signed.
    Fewer {
        /// Those that there are.
        stored: u64,
        /// Those that were signed, at least.
        signed: u64,
        /// What counted them.
        source: String,
    },
    /// A row is not the one that this record left behind.
    RowDiffers {
        /// Its name in records.
        row: String,
        /// The newest record about it.
        n: u64,
    },
    /// A row that this record left behind is gone.
    RowMissing {
        /// Its name in records.
        row: String,
        /// The newest record about it.
        n: u64,
    },
    /// A row of which no record tells how it came.
    RowUnknown {
        /// Its name in records.
        row: String,
    },
    /// This record notes rows that stood there, although records with marks came before it.
    RowsNotedAnew(u64),
    /// A checkpoint is not by the expected key.
    Unsigned {
        /// Which checkpoint.
        source: String,
        /// What is wrong.
        why: NotACheckpoint,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered(n) => write!(out, "record {n} was altered: the tree holds another hash"),
            Self::Redated(n) => write!(out, "the date stored with record {n} is not the date in the record"),
            Self::Inserted(n) => write!(out, "record {n} was inserted: the tree never held it"),
            Self::Swapped(a, b) => write!(out, "records {a} and {b} were swapped"),
            Self::Moved(n, from) => {
                write!(out, "record {n} was record {from} before: records were reordered")
            }
            Self::Removed(from, to) if from == to => write!(out, "record {from} was removed"),
            Self::Removed(from, to) => write!(out, "records {from} to {to} were removed"),
            Self::Uncounted(from, to) => {
                write!(
                    out,
                    "records {from} to {to} are after the end of the log: they were inserted, or the counter was put back"
                )
            }
            Self::Tree(from, to) => {
                write!(out, "the stored hash over records {from} to {to} does not match them")
            }
            Self::CutFromTree(tree, records) => {
                write!(out, "the log was cut off behind record {records}: the tree knows {tree} records")
            }
            Self::Rewritten { good, size, source } => write!(
                out,
                "a record between {} and {size} was altered, removed, inserted or reordered: the root of \
                 the log is not the one that {source} signed",
                good + 1
            ),
            Self::Cut { records, size, source } => {
                write!(out, "the log was cut off behind record {records}: {source} covers {size} records")
            }
            Self::Dropped { size, source } => write!(
                out,
                "the checkpoint over {size} records was dropped from the store: {source} shows that it was signed"
            ),
            Self::Fewer { stored, signed, source } => write!(
                out,
                "checkpoints were dropped from the store: it has {stored} of them, and {source} counts {signed}"
            ),
            Self::RowDiffers { row, n } => {
                write!(
                    out,
                    "{row} is not as record {n} left it: an older row was put back, or it was altered"
                )
            }
            Self::RowMissing { row, n } => write!(out, "{row} is gone, but record {n} left it behind"),
            Self::RowUnknown { row } => write!(out, "{row} exists, but no record says why"),
            Self::RowsNotedAnew(n) => write!(
                out,
                "record {n} notes rows as they stood, as only the first start of this version does: somebody had them noted again"
            ),
            Self::Unsigned { source, why } => write!(out, "{source} is not valid: {why}"),
        }
    }
}

impl Finding {
    /// What to do about it, in one sentence.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Altered(_)
            | Self::Redated(_)
            | Self::Inserted(_)
            | Self::Swapped(..)
            | Self::Moved(..)
            | Self::Removed(..)
            | Self::Uncounted(..)
            | Self::Rewritten { .. }
            | Self::RowDiffers { .. }
            | Self::RowMissing { .. }
            | Self::RowUnknown { .. }
            | Self::RowsNotedAnew(_) => {
                "Somebody wrote to the database without the program: keep a copy as evidence, find out who can, and compare the named records with a backup."
            }
            Self::Tree(..) | Self::CutFromTree(..) => {
                "The tables of the log were changed without the program, or restored in part: keep a copy as evidence and restore a whole backup."
            }
            Self::Cut { .. } => {
                "If a backup was restored on purpose, the records since then are lost; if not, somebody cut the log: keep a copy as evidence."
            }
            Self::Dropped { .. } | Self::Fewer { .. } => {
                "Somebody deleted checkpoints without the program, perhaps to hide an altered record: keep a copy as evidence, and compare the log with the checkpoints that are kept elsewhere. If the database was put back by its own tools, its checkpoints since then are lost."
            }
            Self::Unsigned { .. } => {
                "Make sure that key and file belong to this log; `keyward audit key` prints the key. A forged checkpoint proves nothing, but somebody wrote it."
            }
        }
    }
}

/// A record whose hash is not the one in its place.
pub(super) struct Mismatch {
    pub(super) n: u64,
    /// Of the record that stands there.
    pub(super) found: Hash,
    /// In the tree.
    pub(super) wanted: Hash,
}

/// What happened to records that do not fit: a hash that belongs elsewhere tells from where the record came.
pub(super) fn explain(mismatches: &[Mismatch]) -> Vec<Finding> {
    let home: HashMap<Hash, u64> = mismatches.iter().map(|one| (one.wanted, one.n)).collect();
    let from: HashMap<u64, u64> =
        mismatches.iter().filter_map(|one| Some((one.n, *home.get(&one.found)?))).collect();
    let came = |n: u64| from.get(&n).copied();
    let mut findings = Vec::new();
    let mut shifted_by = None;
    for one in mismatches {
        let n = one.n;
        let before = shifted_by.take();
        match came(n) {
            Some(home) if came(home) == Some(n) => {
                if n < home {
                    findings.push(Finding::Swapped(n, home));
                }
            }
            // All behind a removed or an inserted record moved by one: one finding for all of them.
            Some(home) if home == n + 1 => {
                if before != Some(1) {
                    findings.push(Finding::Removed(n, n));
                }
                shifted_by = Some(1);
            }
            Some(home) if home + 1 == n && before == Some(-1) => shifted_by = before,
            Some(home) => findings.push(Finding::Moved(n, home)),
            None if came(n + 1) == Some(n) => {
                findings.push(Finding::Inserted(n));
                shifted_by = Some(-1);
            }
            None => findings.push(Finding::Altered(n)),
        }
    }
    findings
}
