//! The journal's parts on PostgreSQL: one for each UTC day, made before the day begins and dropped whole.
//!
//! Owns: names, bounds and locks of the parts. Leaves to `retention`: what is too old or too much.
//! Invariant: no lock that an append needs is waited for longer than [`LOCK_WAIT`]. Appends that come while a lock is waited for
//! wait behind it.

use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;

use super::journal::signed;
use crate::error::StoreError;
use crate::sql::{Database, Row, Transact};

/// Days that have their part before they begin.
const AHEAD: u64 = 2;
/// Records of a day that has no part yet are moved into it, at most so many: nothing is appended to them meanwhile.
const MOVED: i64 = 5_000;
/// Bytes that a record takes with its entries in the indexes, where they are not measured, and without its orders.
const RECORD_BYTES: i64 = 250;

/// How long one lock is waited for. A withdrawal waits 250 ms for its record.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '100ms'";
/// One process at a time makes parts; who appends or reads is not held up.
const TAKE_TURN: &str = "LOCK TABLE ONLY activity IN SHARE UPDATE EXCLUSIVE MODE";
/// Nothing may come into it between the look for a day's records and the day's part.
const CLOSE_REST: &str = "LOCK TABLE activity_rest IN ACCESS EXCLUSIVE MODE";
const IN_REST: &str =
    "SELECT COUNT(*) FROM (SELECT 1 FROM activity_rest WHERE at >= $1 AND at < $2 LIMIT $3) AS found";
/// Name, bounds and bytes of each part. A bound is null where there is none.
const PARTS: &str = "SELECT CAST(part.relname AS TEXT), \
    CAST(SUBSTRING(pg_get_expr(part.relpartbound, part.oid) FROM 'FROM \\(''?(-?[0-9]+)') AS BIGINT), \
    CAST(SUBSTRING(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \\(''?(-?[0-9]+)') AS BIGINT), \
    COALESCE(pg_total_relation_size(part.oid), 0) FROM pg_inherits JOIN pg_class AS part ON part.oid = pg_inherits.inhrelid \
    WHERE pg_inherits.inhparent = CAST('activity' AS regclass)";
const OLDEST: &str = "SELECT at FROM activity ORDER BY at LIMIT 1";
/// How many records, and the bytes of their orders. Those from before the days came before there were orders, but for the day of
/// the update.
const RECORDS_BEFORE: &str =
    "SELECT COALESCE(MAX(id) - MIN(id) + 1, 0), CAST(0 AS BIGINT) FROM activity_before";
const RECORDS_IN_REST: &str =
    "SELECT COUNT(*), CAST(COALESCE(SUM(pg_column_size(orders)), 0) AS BIGINT) FROM activity_rest";

/// A UTC day, by its number since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Day(u64);

impl Day {
    const fn of(moment: Moment) -> Self {
        Self(moment.unix_ms() / DAY_MS)
    }

    fn began(self) -> i64 {
        signed(self.0.saturating_mul(DAY_MS))
    }

    fn ends(self) -> i64 {
        signed(self.0.saturating_add(1).saturating_mul(DAY_MS))
    }

    /// `activity_20261129`.
    fn part(self) -> String {
        let date = Moment::from_unix_ms(self.0.saturating_mul(DAY_MS)).to_string();
        let digits = date.chars().filter(char::is_ascii_digit).take(8);
        "activity_".chars().chain(digits).collect()
    }
}

/// A part of the journal. Bounds are milliseconds since the Unix epoch, the upper one not included.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Part {
    name: String,
    from: Option<i64>,
    to: Option<i64>,
    bytes: i64,
}

impl Part {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.text(0)?,
            from: row.int_or_null(1)?,
            to: row.int_or_null(2)?,
            bytes: row.int(3)?,
        })
    }

    /// Whether it is a day's; the others have no upper bound, or no lower one.
    const fn is_a_day(&self) -> bool {
        self.from.is_some() && self.to.is_some()
    }

    /// Whether no part for `day` can be made beside it.
    fn meets(&self, day: Day) -> bool {
        self.to.is_some_and(|to| to > day.began()) && self.from.is_none_or(|from| from < day.ends())
    }

    fn holds(&self, at: i64) -> bool {
        self.to.is_some_and(|to| at < to) && self.from.is_none_or(|from| from <= at)
    }

    /// Whether all of it lies before `before`.
    fn is_over(&self, before: i64) -> bool {
        self.to.is_some_and(|to| to <= before)
    }
}

/// What became of the oldest records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Oldest {
    /// Their day was dropped whole.
    Dropped,
    /// They are today's, there are none, or somebody uses the journal at this moment.
    Kept,
    /// They are in no day's part, and go row by row: those before this moment, in milliseconds since the Unix epoch.
    Rows {
        /// See there.
        before: i64,
    },
}

/// Makes the parts of today and the days ahead; gives whether today has one. SQLite needs none.
///
/// # Errors
/// [`StoreError::Database`]; a lock that was not to be had is none: the next call tries again.
pub(crate) async fn make(database: &Database, now: Moment) -> Result<bool, StoreError> {
    if !matches!(database, Database::Postgres(_)) {
        return Ok(true);
    }
    let (today, there) = (Day::of(now), parts(database).await?);
    let mut today_has_one = true;
    for day in (0..=AHEAD).map(|ahead| Day(today.0.saturating_add(ahead))) {
        let has_one = there.iter().any(|part| part.meets(day)) || make_one(database, day).await?;
        today_has_one &= has_one || day != today;
    }
    Ok(today_has_one)
}

/// Makes a day's part and moves its records there from the rest; whether it is there.
async fn make_one(database: &Database, day: Day) -> Result<bool, StoreError> {
    unless_busy(try_make(database, day).await).map(Option::unwrap_or_default)
}

async fn try_make(database: &Database, day: Day) -> Result<bool, StoreError> {
    let mut tx = begin(database).await?;
    tx.execute(TAKE_TURN, vec![]).await?;
    let rows = tx.fetch_all(PARTS, vec![]).await?;
    // Another process may have been faster.
    if read(&rows)?.iter().any(|part| part.meets(day)) {
        return Ok(true);
    }
    tx.execute(CLOSE_REST, vec![]).await?;
    let values = vec![day.began().into(), day.ends().into(), (MOVED + 1).into()];
    let count = tx.fetch_optional(IN_REST, values).await?.map_or(Ok(0), |row| row.int(0))?;
    if count > MOVED {
        return Ok(false);
    }
    let (part, from, to) = (day.part(), day.began(), day.ends());
    run(&mut tx, &format!("CREATE TABLE {part} (LIKE activity)")).await?;
    let moved = format!(
        "WITH moved AS (DELETE FROM activity_rest WHERE at >= {from} AND at < {to} RETURNING *) \
         INSERT INTO {part} SELECT * FROM moved"
    );
    run(&mut tx, &moved).await?;
    run(&mut tx, &format!("ALTER TABLE activity ATTACH PARTITION {part} FOR VALUES FROM ({from}) TO ({to})"))
        .await?;
    tx.commit().await?;
    Ok(true)
}

/// Drops every part that was over by `before`, and gives before which moment, in milliseconds since the Unix epoch, records go
/// row by row: on SQLite before `before` itself, on PostgreSQL before its day, which goes whole once it is over.
///
/// # Errors
/// [`StoreError::Database`]. What somebody uses at this moment goes row by row, or with the next call.
pub(crate) async fn drop_before(database: &Database, before: Moment) -> Result<i64, StoreError> {
    if !matches!(database, Database::Postgres(_)) {
        return Ok(signed(before.unix_ms()));
    }
    let before = Day::of(before).began();
    for part in parts(database).await?.iter().filter(|part| part.is_over(before)) {
        drop_part(database, part).await?;
    }
    Ok(before)
}

/// Drops the oldest day if it is over, where the oldest records are in a day's part.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn drop_oldest(database: &Database, now: Moment) -> Result<Oldest, StoreError> {
    if !matches!(database, Database::Postgres(_)) {
        return Ok(Oldest::Rows { before: i64::MAX });
    }
    let Some(row) = database.fetch_optional(OLDEST, vec![]).await? else { return Ok(Oldest::Kept) };
    let (oldest, all) = (row.int(0)?, parts(database).await?);
    let Some(part) = all.iter().find(|part| part.is_a_day() && part.holds(oldest)) else {
        let day = Day::of(Moment::from_unix_ms(u64::try_from(oldest).unwrap_or(0)));
        return Ok(Oldest::Rows { before: day.ends() });
    };
    let goes = part.is_over(Day::of(now).began()) && drop_part(database, part).await?;
    Ok(if goes { Oldest::Dropped } else { Oldest::Kept })
}

/// The bytes of all parts with their indexes: measured for days, and by the number of records for what goes row by row, because a
/// table shrinks late. `None` on SQLite.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn used_bytes(database: &Database) -> Result<Option<u64>, StoreError> {
    if !matches!(database, Database::Postgres(_)) {
        return Ok(None);
    }
    let mut sum = 0_i64;
    for part in parts(database).await? {
        let bytes = if part.is_a_day() {
            part.bytes
        } else {
            let records = if part.to.is_some() { RECORDS_BEFORE } else { RECORDS_IN_REST };
            let row = database.fetch_optional(records, vec![]).await?;
            let (count, orders) =
                row.map_or(Ok((0, 0)), |row| Ok::<_, StoreError>((row.int(0)?, row.int(1)?)))?;
            count.saturating_mul(RECORD_BYTES).saturating_add(orders).min(part.bytes)
        };
        sum = sum.saturating_add(bytes);
    }
    Ok(Some(u64::try_from(sum).unwrap_or(0)))
}

/// Whether the part is gone. The lock on it stops appends and reads for as long as it is waited for, and no longer: files are
/// removed after the commit.
async fn drop_part(database: &Database, part: &Part) -> Result<bool, StoreError> {
    let dropped = async {
        let mut tx = begin(database).await?;
        // Two processes that drop the same part at once can fail inside PostgreSQL: it looks for the parent of a table that
        // the other has just removed.
        tx.execute(TAKE_TURN, vec![]).await?;
        // Somebody may have given a part of their own an odd name.
        let name = part.name.replace('"', "\"\"");
        run(&mut tx, &format!("DROP TABLE IF EXISTS \"{name}\"")).await?;
        tx.commit().await
    };
    Ok(unless_busy(dropped.await)?.is_some())
}

async fn parts(database: &Database) -> Result<Vec<Part>, StoreError> {
    read(&database.fetch_all(PARTS, vec![]).await?)
}

fn read(rows: &[Row]) -> Result<Vec<Part>, StoreError> {
    rows.iter().map(Part::of).collect()
}

async fn begin(database: &Database) -> Result<Transact, StoreError> {
    let mut tx = database.begin().await?;
    tx.execute(LOCK_WAIT, vec![]).await?;
    Ok(tx)
}

/// Runs a text that was made for one part: names and bounds cannot be parameters.
async fn run(tx: &mut Transact, text: &str) -> Result<(), StoreError> {
    match tx {
        Transact::Postgres(tx) => Ok(tx.execute_typed(text, &[]).await.map(drop)?),
        Transact::Sqlite(_) => Err(StoreError::Location),
    }
}

/// `None` where somebody held a lock.
fn unless_busy<T>(done: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(problem) if problem.is_busy() => Ok(None),
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use keyward_rules::time::Moment;

    use super::{Day, Part};

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_day_has_its_name_and_its_bounds() {
        for (at, part) in [
            (0, "activity_19700101"),
            (86_399_999, "activity_19700101"),
            (86_400_000, "activity_19700102"),
            (1_709_164_800_000, "activity_20240229"),
            (1_800_000_000_000, "activity_20270115"),
            (1_798_761_599_999, "activity_20261231"),
        ] {
            let day = Day::of(Moment::from_unix_ms(at));
            assert_eq!(day.part(), part);
            let at = i64::try_from(at).unwrap();
            assert!((day.began()..day.ends()).contains(&at) && day.ends() - day.began() == DAY, "{at}");
        }
    }

    #[test]
    fn parts_know_what_they_hold_and_what_lies_beside_them() {
        let part = |from, to| Part { name: String::new(), from, to, bytes: 0 };
        let (before, day, rest) =
            (part(None, Some(3 * DAY)), part(Some(3 * DAY), Some(4 * DAY)), part(None, None));
        let held = |at: i64| [&before, &day, &rest].map(|part| part.holds(at));
        for (at, expected) in [
            (-1, [true, false, false]),
            (0, [true, false, false]),
            (3 * DAY - 1, [true, false, false]),
            (3 * DAY, [false, true, false]),
            (4 * DAY - 1, [false, true, false]),
            (4 * DAY, [false, false, false]),
            (i64::MAX, [false, false, false]),
        ] {
            assert_eq!(held(at), expected, "{at}");
        }
        for (number, expected) in
            [(0, [true, false, false]), (2, [true, false, false]), (3, [false, true, false]), (4, [false; 3])]
        {
            assert_eq!([&before, &day, &rest].map(|part| part.meets(Day(number))), expected, "{number}");
        }
        for (at, expected) in
            [(3 * DAY - 1, [false; 3]), (3 * DAY, [true, false, false]), (4 * DAY, [true, true, false])]
        {
            assert_eq!([&before, &day, &rest].map(|part| part.is_over(at)), expected, "{at}");
        }
        assert_eq!([&before, &day, &rest].map(Part::is_a_day), [false, true, false]);
    }
}
