//! Statements of the registry on SQLite: how values find their places, and rows become ours.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Rows, ToSql};

use super::error::DatabaseError;
use super::row::{Cell, Row};
use super::value::Value;

/// All rows of a question.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) fn fetch(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, DatabaseError> {
    let mut statement = Prepared::new(connection, sql)?;
    let columns = statement.statement.column_count();
    let mut rows = statement.query(values)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|column| row.get_ref(column).map(Cell::from));
        all.push(Row::Sqlite(cells.collect::<Result<_, _>>()?));
    }
    Ok(all)
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Int(number),
            ValueRef::Real(_) => Self::Real,
            ValueRef::Text(text) => Self::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Int(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
            Self::Bytes(value) => value.to_sql(),
        }
    }
}

/// A prepared statement of the registry. To SQLite `$2` is a name, which it numbers by where it first stands; here it
/// is the second value, as in PostgreSQL.
pub(crate) struct Prepared<'c> {
    statement: CachedStatement<'c>,
    /// For each of SQLite's places, the number of its value.
    numbers: Vec<usize>,
}

impl<'c> Prepared<'c> {
    /// # Errors
    /// [`DatabaseError`]: also for a parameter that is not `$` with a number.
    pub(crate) fn new(connection: &'c Connection, sql: &str) -> Result<Self, DatabaseError> {
        let statement = connection.prepare_cached(sql)?;
        let places = statement.parameter_count();
        let number = |place| statement.parameter_name(place)?.strip_prefix('$')?.parse().ok();
        let numbers = (1..=places).map(number).collect::<Option<Vec<usize>>>();
        let numbers = numbers.ok_or(DatabaseError::Values { expected: places, given: 0 })?;
        Ok(Self { statement, numbers })
    }

    /// Runs it; gives the number of rows touched.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) fn execute(&mut self, values: &[impl ToSql]) -> Result<u64, DatabaseError> {
        self.bind(values)?;
        Ok(self.statement.raw_execute()? as u64)
    }

    /// Its rows.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) fn query(&mut self, values: &[impl ToSql]) -> Result<Rows<'_>, DatabaseError> {
        self.bind(values)?;
        Ok(self.statement.raw_query())
    }

    fn bind(&mut self, values: &[impl ToSql]) -> Result<(), DatabaseError> {
        let expected = self.numbers.iter().copied().max().unwrap_or(0);
        let misfit = DatabaseError::Values { expected, given: values.len() };
        if expected != values.len() {
            return Err(misfit);
        }
        for (place, number) in (1_usize..).zip(&self.numbers) {
            let Some(value) = number.checked_sub(1).and_then(|at| values.get(at)) else { return Err(misfit) };
            self.statement.raw_bind_parameter(place, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Connection, DatabaseError, Value, fetch};

    #[test]
    fn values_go_by_their_numbers() {
        let connection = Connection::open_in_memory().unwrap();
        let values: [Value; 2] = ["one".into(), 2_i64.into()];
        let rows = fetch(&connection, "SELECT $2, '$1', $1, $2", &values).unwrap();
        assert_eq!((rows[0].int(0).unwrap(), rows[0].text(1).unwrap().as_str()), (2, "$1"));
        assert_eq!((rows[0].text(2).unwrap().as_str(), rows[0].int(3).unwrap()), ("one", 2));
        for (sql, values) in
            [("SELECT $1, $3", 2), ("SELECT $1", 0), ("SELECT $1", 2), ("SELECT ?", 1), ("SELECT $0", 0)]
        {
            let values = vec![Value::Int(Some(1)); values];
            let misfit = fetch(&connection, sql, &values).err();
            assert!(matches!(misfit, Some(DatabaseError::Values { .. })), "{sql}: {misfit:?}");
        }
    }

    #[test]
    fn no_value_outlives_its_statement() {
        let connection = Connection::open_in_memory().unwrap();
        fetch(&connection, "SELECT $1", &["secret".into()]).unwrap();
        let again = connection.prepare_cached("SELECT $1").unwrap();
        assert_eq!(again.expanded_sql().unwrap(), "SELECT NULL");
    }
}
