//! Checking the whole log: every record against the tree, the tree against every checkpoint.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use keyward_rules::grant::ActionKind;
use keyward_rules::log::{
    Checkpoint, Frontier, Hash, NotACheckpoint, VerifierKey, split_index, stored_count,
};
use keyward_rules::time::Moment;
use keyward_rules::trail::Entry;

use super::findings::{Mismatch, explain};
use super::{ENDS, HASHES, Log, PAGE, RECORDS, number};
use crate::Finding;
use crate::error::StoreError;
use crate::sql::Row;

/// Records that are explained one by one; a log with more of them is beyond that.
const MISMATCHES: usize = 10_000;

/// A checkpoint that was kept elsewhere.
pub struct Kept {
    /// How to name it, such as its file.
    pub source: String,
    /// The signed note.
    pub note: String,
}

/// Whose signature counts.
pub enum Signer {
    /// This key under whatever name: the store's own, whose log may have been renamed.
    Own(VerifierKey),
    /// This key under its name: from outside.
    Given(VerifierKey),
}

impl Signer {
    fn open(&self, note: &str) -> Result<Checkpoint, NotACheckpoint> {
        match self {
            Self::Own(key) => Checkpoint::open_any_name(note, key),
            Self::Given(key) => Checkpoint::open(note, key),
        }
    }
}

/// What a node wrote down outside the store.
pub struct Witnessed {
    /// How to name it, such as its file.
    pub source: String,
    /// The newest audit record that it has seen.
    pub audit: u64,
    /// How many checkpoints it knows of; there may be more.
    pub checkpoints: u64,
    /// How many records the newest of these covers; 0 without one.
    pub newest: u64,
}

/// What to check the log against.
pub struct Verification {
    /// Whose signature counts.
    pub signer: Signer,
    /// Checkpoints that were kept elsewhere.
    pub kept: Vec<Kept>,
    /// What this machine's node wrote down, if it is known.
    pub witnessed: Option<Witnessed>,
}

/// What came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Records that there are.
    pub records: u64,
    /// The root over them, as the tree has it.
    pub root: Hash,
    /// Checkpoints that were compared, and counted.
    pub checkpoints: u64,
    /// What is wrong, in the order of records.
    pub findings: Vec<Finding>,
}

/// A checkpoint to compare with.
struct Sworn {
    checkpoint: Checkpoint,
    source: String,
}

/// The checkpoints of the store and those that were kept elsewhere, by how many records they cover.
#[derive(Default)]
struct Known {
    /// Rows that there are, whatever they hold.
    stored: BTreeSet<u64>,
    /// What was signed, with one source that shows it.
    signed: BTreeMap<u64, String>,
}

impl Log {
    /// Reads all records and checks them; `progress` is told how many of how many are done.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read; whatever it holds is a finding.
    pub async fn verify(
        &self,
        verification: &Verification,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Verdict, StoreError> {
        let mut findings = Vec::new();
        let mut known = Known::default();
        let sworn = self.sworn(verification, &mut known, &mut findings).await?;
        let checkpoints = sworn.len() as u64;
        // The counter is read first: what is written meanwhile lies behind it, and is not looked at.
        let counted = self.size().await?;
        let mut walk = Walk::new(sworn);
        let (mut records, mut hashes) = (Pages::new(RECORDS, 1), Pages::new(HASHES, 0));
        for n in 1..=counted {
            let record = records.take(self, n).await?.map(|row| record_of(&row)).transpose()?;
            let mut stored = Vec::new();
            for index in stored_count(n - 1)..stored_count(n) {
                let row = hashes.take(self, index).await?;
                stored.push(row.and_then(|row| Hash::from_slice(&row.bytes(1).ok()?)));
            }
            walk.step(n, record, &stored);
            if n.is_multiple_of(PAGE) || n == counted {
                progress(n, counted);
            }
        }
        walk.finish(counted, &mut findings);
        self.behind(walk.held, &mut findings).await?;
        if let Some(witnessed) = &verification.witnessed {
            compare_counts(witnessed, counted, &mut known, &mut findings);
        }
        self.dropped(&known, counted, &mut findings).await?;
        let (records, root) = (walk.held, walk.tree.root());
        Ok(Verdict { records, root, checkpoints, findings })
    }

    /// All checkpoints that count, by size; what does not count is a finding.
    async fn sworn(
        &self,
        verification: &Verification,
        known: &mut Known,
        findings: &mut Vec<Finding>,
    ) -> Result<VecDeque<Sworn>, StoreError> {
        let mut notes: Vec<(Option<u64>, String, String)> = Vec::new();
        let mut from = 0;
        loop {
            let page = self.checkpoints(from).await?;
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            known.stored.extend(page.iter().map(|(size, _)| *size));
            notes.extend(
                page.into_iter()
                    .map(|(size, note)| (Some(size), format!("the stored checkpoint {size}"), note)),
            );
        }
        notes.extend(verification.kept.iter().map(|kept| (None, kept.source.clone(), kept.note.clone())));
        let mut sworn = Vec::new();
        for (size, source, note) in notes {
            match verification.signer.open(&note) {
                Ok(checkpoint) if size.is_none_or(|size| size == checkpoint.size) => {
                    known.signed.entry(checkpoint.size).or_insert_with(|| source.clone());
                    sworn.push(Sworn { checkpoint, source });
                }
                Ok(_) => findings.push(Finding::Unsigned { source, why: NotACheckpoint::Form }),
                Err(why) => findings.push(Finding::Unsigned { source, why }),
            }
        }
        sworn.sort_by_key(|one| one.checkpoint.size);
        Ok(sworn.into())
    }

    /// Checkpoints that were signed over records that are there, and that the store has no row of any more.
    async fn dropped(
        &self,
        known: &Known,
        counted: u64,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        for (size, source) in known.signed.range(..=counted).filter(|(size, _)| !known.stored.contains(*size))
        {
            if !self.was_restored_behind(*size).await? {
                findings.push(Finding::Dropped { size: *size, source: source.clone() });
            }
        }
        Ok(())
    }

    /// Whether a backup of the first `size` records was put back. A checkpoint over all of a backup may have been signed
    /// after the backup was taken; then the store that was put back never had it.
    async fn was_restored_behind(&self, size: u64) -> Result<bool, StoreError> {
        let next = self.record(size + 1).await?;
        let entry = next.as_deref().and_then(Entry::read);
        Ok(entry.is_some_and(|entry| entry.action == ActionKind::RestoreStore.word()))
    }

    /// What stands behind the counted end. Records and hashes that a running program appends meanwhile are none of it:
    /// they stand behind a counter that has moved on as well.
    async fn behind(&self, held: u64, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let row = self.database.fetch_optional(ENDS, vec![]).await?;
        let row = row.ok_or_else(|| StoreError::tampered("head", "row"))?;
        let end = number(row.int(0)?, "head")?;
        let (last, hash) = (row.int_or_null(1)?.unwrap_or(0), row.int_or_null(2)?);
        let last = number(last, "audit record")?;
        if last > end {
            findings.push(Finding::Uncounted(end + 1, last));
        } else if let Some(hash) = hash {
            let (level, place) = split_index(number(hash, "hash")?);
            let leaves = (place + 1) << level;
            if leaves > end {
                findings.push(Finding::CutFromTree(leaves, held));
            }
        }
        Ok(())
    }
}

/// Holds what a node wrote down against what the store has. The number of checkpoints is a lower bound: another node may have
/// signed some.
fn compare_counts(witnessed: &Witnessed, counted: u64, known: &mut Known, findings: &mut Vec<Finding>) {
    let (source, stored) = (&witnessed.source, known.stored.len() as u64);
    if witnessed.audit > counted {
        findings.push(Finding::Cut { records: counted, size: witnessed.audit, source: source.clone() });
    }
    if witnessed.checkpoints > stored {
        findings.push(Finding::Fewer { stored, signed: witnessed.checkpoints, source: source.clone() });
    }
    if witnessed.newest > 0 {
        known.signed.entry(witnessed.newest).or_insert_with(|| source.clone());
    }
}

fn record_of(row: &Row) -> Result<(i64, String), StoreError> {
    Ok((row.int(1)?, row.text(2)?))
}

/// Rows by number, read a page at a time.
struct Pages {
    sql: &'static str,
    next: u64,
    rows: VecDeque<(u64, Row)>,
}

impl Pages {
    const fn new(sql: &'static str, next: u64) -> Self {
        Self { sql, next, rows: VecDeque::new() }
    }

    /// The row with this number, if it is there; asked for in rising order.
    async fn take(&mut self, log: &Log, wanted: u64) -> Result<Option<Row>, StoreError> {
        loop {
            while self.rows.front().is_some_and(|(number, _)| *number < wanted) {
                self.rows.pop_front();
            }
            if !self.rows.is_empty() {
                let found = self.rows.pop_front_if(|(number, _)| *number == wanted);
                return Ok(found.map(|(_, row)| row));
            }
            let rows = log.database.fetch_all(self.sql, vec![self.next.into(), PAGE.into()]).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                let n = number(row.int(0)?, "row of the audit log")?;
                self.next = n + 1;
                self.rows.push_back((n, row));
            }
        }
    }
}

/// The way through the log, record by record.
struct Walk {
    tree: Frontier,
    sworn: VecDeque<Sworn>,
    mismatches: Vec<Mismatch>,
    found: Vec<Finding>,
    /// Up to where a checkpoint agreed.
    good: u64,
    /// The last record that is there.
    held: u64,
    /// Neither record nor hash was there, so what follows has no place in the tree.
    blind: bool,
    tree_is_wrong: bool,
    rewritten: bool,
}

impl Walk {
    fn new(sworn: VecDeque<Sworn>) -> Self {
        let mut walk = Self {
            tree: Frontier::default(),
            sworn,
            mismatches: Vec::new(),
            found: Vec::new(),
            good: 0,
            held: 0,
            blind: false,
            tree_is_wrong: false,
            rewritten: false,
        };
        walk.compare();
        walk
    }

    /// Looks at record `n` and the hashes stored with it. Where record and tree differ it goes on with the tree's hash,
    /// so that one wrong record is one finding.
    fn step(&mut self, n: u64, record: Option<(i64, String)>, stored: &[Option<Hash>]) {
        let found = record.as_ref().map(|(_, text)| Hash::of_leaf(text.as_bytes()));
        let wanted = stored.first().copied().flatten();
        match &record {
            Some((at, text)) => {
                self.held = n;
                self.look_at_date(n, *at, text);
            }
            None => self.lacks(n),
        }
        if let (Some(found), Some(wanted)) = (found, wanted)
            && found != wanted
            && self.mismatches.len() < MISMATCHES
        {
            self.mismatches.push(Mismatch { n, found, wanted });
        }
        let Some(leaf) = wanted.or(found).filter(|_| !self.blind) else {
            self.blind = true;
            return;
        };
        let all = self.tree.push(leaf);
        for (level, (given, stored)) in all.iter().zip(stored).enumerate() {
            if !self.tree_is_wrong && *stored != Some(*given) {
                self.tree_is_wrong = true;
                self.found.push(Finding::Tree(n + 1 - (1 << level), n));
            }
        }
        self.compare();
    }

    fn look_at_date(&mut self, n: u64, at: i64, text: &str) {
        let beside = u64::try_from(at).map(|ms| Moment::from_unix_ms(ms).to_string());
        // A record that is none shows by its hash.
        if Entry::read(text).is_some_and(|entry| beside.as_ref() != Ok(&entry.at)) {
            self.found.push(Finding::Redated(n));
        }
    }

    /// A record that is not there; neighbours share a finding.
    fn lacks(&mut self, n: u64) {
        match self.found.last_mut() {
            Some(Finding::Removed(_, to)) if *to + 1 == n => *to = n,
            Some(_) | None => self.found.push(Finding::Removed(n, n)),
        }
    }

    /// Compares with the checkpoints of this size.
    fn compare(&mut self) {
        let size = self.tree.size();
        while let Some(one) = self.sworn.pop_front_if(|one| one.checkpoint.size == size) {
            if one.checkpoint.root == self.tree.root() {
                self.good = size;
            } else if !self.rewritten {
                self.rewritten = true;
                self.found.push(Finding::Rewritten { good: self.good, size, source: one.source });
            }
        }
    }

    /// Adds what was found, and of the checkpoints that cover more than the `counted` records the largest.
    fn finish(&mut self, counted: u64, findings: &mut Vec<Finding>) {
        let mut all = explain(&self.mismatches);
        all.append(&mut self.found);
        if let Some(one) = self.sworn.pop_back_if(|one| one.checkpoint.size > counted) {
            let (records, size) = (self.held, one.checkpoint.size);
            all.push(Finding::Cut { records, size, source: one.source });
        }
        findings.append(&mut all);
    }
}
