//! Holding the rows against the log: each must be what the newest record about it left behind.

use std::collections::{BTreeMap, HashMap};

use keyward_rules::id::KeyId;
use serde::Deserialize;

use super::findings::Finding;
use super::rows::{GONE, NOTING, TRACKED, Tracked};
use super::{Log, PAGE, RECORD, RECORDS, number};
use crate::error::StoreError;
use crate::sql::Database;

/// The capability to hold rows against the log.
#[derive(Clone)]
pub struct States {
    pub(crate) database: Database,
    /// The key of the marks.
    pub(crate) key: [u8; 32],
}

/// What came out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StateVerdict {
    /// Rows that were looked at; those that belong together count as one.
    pub rows: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The keys among it.
    pub keys: Vec<KeyId>,
}

/// What the log says of one row. Names are hashed, and marks are numbers, because there may be millions.
#[derive(Clone, Copy)]
struct Newest {
    mark: u128,
    n: u64,
}

type Marks = HashMap<u128, Newest>;

/// A row that does not fit, until it was looked at again.
struct Suspect {
    tracked: &'static Tracked,
    id: String,
    /// The newest record about it.
    n: Option<u64>,
}

#[derive(Deserialize)]
struct Marked {
    action: String,
    #[serde(default)]
    rows: BTreeMap<String, String>,
}

fn named(subject: &str) -> u128 {
    u128::from_be_bytes(*blake3::hash(subject.as_bytes()).as_bytes().first_chunk().unwrap_or(&[0; 16]))
}

fn marked(mark: &str) -> u128 {
    if mark == GONE { 0 } else { u128::from_str_radix(mark, 16).unwrap_or(1) }
}

impl States {
    /// Looks at every row; `progress` is told how many records and rows are done.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read; whatever it holds is a finding.
    pub async fn check(&self, mut progress: impl FnMut(u64) + Send) -> Result<StateVerdict, StoreError> {
        let log = Log { database: self.database.clone() };
        let (mut marks, mut verdict) = (Marks::new(), StateVerdict::default());
        let counted = log.size().await?;
        self.read(&mut marks, (1, counted), &mut verdict.findings, &mut progress).await?;
        let mut suspects = Vec::new();
        for tracked in TRACKED {
            let mut after: Option<String> = None;
            loop {
                let (sql, values) = tracked.next(after.as_deref())?;
                let ids = self.database.fetch_all(sql, values).await?;
                for row in &ids {
                    let id = tracked.id(row)?;
                    let mark = self.mark(tracked, &id).await?;
                    let newest = marks.remove(&named(&tracked.subject(&id)));
                    verdict.rows += u64::from(mark != 0);
                    if newest.map_or(0, |newest| newest.mark) != mark {
                        suspects.push(Suspect { tracked, id: id.clone(), n: newest.map(|newest| newest.n) });
                    }
                    after = Some(id);
                }
                progress(counted + verdict.rows);
                if ids.is_empty() {
                    break;
                }
            }
        }
        for (name, newest) in marks.into_iter().filter(|(_, newest)| newest.mark != 0) {
            suspects.extend(self.missing(name, newest.n).await?);
        }
        // What was changed while this looked is left to the next time.
        let mut since = Marks::new();
        let now = log.size().await?;
        self.read(&mut since, (counted + 1, now), &mut verdict.findings, &mut progress).await?;
        suspects.retain(|suspect| !since.contains_key(&named(&suspect.tracked.subject(&suspect.id))));
        for suspect in suspects {
            let there = self.mark(suspect.tracked, &suspect.id).await? != 0;
            let row = suspect.tracked.subject(&suspect.id);
            if suspect.tracked.is_keys()
                && let Ok(key) = suspect.id.parse()
            {
                verdict.keys.push(key);
            }
            verdict.findings.push(match (suspect.n, there) {
                (Some(n), true) => Finding::RowDiffers { row, n },
                (Some(n), false) => Finding::RowMissing { row, n },
                (None, _) => Finding::RowUnknown { row },
            });
        }
        Ok(verdict)
    }

    /// Takes in what the records from `from` to `to` say.
    async fn read(
        &self,
        marks: &mut Marks,
        (from, to): (u64, u64),
        findings: &mut Vec<Finding>,
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<(), StoreError> {
        let (mut next, mut noting) = (from, from == 1);
        while next <= to {
            let rows = self.database.fetch_all(RECORDS, vec![next.into(), PAGE.into()]).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let n = number(row.int(0)?, "audit record")?;
                next = n + 1;
                // A record that cannot be read is what `verify` finds.
                let Ok(record) = serde_json::from_str::<Marked>(&row.text(2)?) else { continue };
                if n > to || record.rows.is_empty() {
                    continue;
                }
                if record.action != NOTING {
                    noting = false;
                } else if !noting {
                    findings.push(Finding::RowsNotedAnew(n));
                    continue;
                }
                for (subject, mark) in record.rows {
                    marks.insert(named(&subject), Newest { mark: marked(&mark), n });
                }
            }
            progress(next.min(to));
        }
        Ok(())
    }

    /// The mark of what stands there now; 0 for nothing.
    async fn mark(&self, tracked: &'static Tracked, id: &str) -> Result<u128, StoreError> {
        let (sql, values) = tracked.question(id)?;
        let rows = self.database.fetch_all(sql, values).await?;
        Ok(marked(&tracked.mark(&self.key, id, &rows)?))
    }

    /// The row of that name, which record `n` left behind and which is not there.
    async fn missing(&self, name: u128, n: u64) -> Result<Option<Suspect>, StoreError> {
        let Some(row) = self.database.fetch_optional(RECORD, vec![n.into()]).await? else { return Ok(None) };
        let Ok(record) = serde_json::from_str::<Marked>(&row.text(1)?) else { return Ok(None) };
        let subject = record.rows.into_keys().find(|subject| named(subject) == name);
        Ok(subject.and_then(|subject| {
            let (kind, id) = subject.split_once(':')?;
            Some(Suspect { tracked: Tracked::named(kind)?, id: id.to_owned(), n: Some(n) })
        }))
    }
}
