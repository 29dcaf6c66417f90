//! What a statement gives: rows, read by column position and type. A column of another type is an error and never
//! converted: whoever altered a row must not get it read as something else.

use keyward_rules::time::Moment;
use tokio_postgres::types::Type;

use super::error::DatabaseError;
use crate::error::StoreError;

/// What a column of a row holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Null,
    Int,
    Text,
    Bytes,
}

/// One row of an answer, read by column position.
pub enum Row {
    /// From SQLite.
    Sqlite(Vec<Cell>),
    /// From PostgreSQL.
    Postgres(tokio_postgres::Row),
}

/// One column of one row of SQLite, which has types for values only.
#[derive(Debug)]
pub enum Cell {
    /// A null.
    Null,
    /// An integer.
    Int(i64),
    /// A number that no column of ours holds.
    Real,
    /// A text; whether it is UTF-8 is checked when it is read.
    Text(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Cell {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "a null",
            Self::Int(_) => "an integer",
            Self::Real => "a real number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// What a column of SQLite can be read as; `None` when it is of another type.
trait FromCell: Sized {
    const KIND: &'static str;
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl FromCell for i64 {
    const KIND: &'static str = "an integer";
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Int(value) = cell { Some(*value) } else { None }
    }
}

impl FromCell for String {
    const KIND: &'static str = "a text";
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Text(text) = cell { Self::from_utf8(text.clone()).ok() } else { None }
    }
}

impl FromCell for Vec<u8> {
    const KIND: &'static str = "bytes";
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Bytes(bytes) = cell { Some(bytes.clone()) } else { None }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    const KIND: &'static str = T::KIND;
    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Null = cell { Some(None) } else { T::from_cell(cell).map(Some) }
    }
}

fn read<T: FromCell>(cells: &[Cell], column: usize) -> Result<T, DatabaseError> {
    let found = cells.get(column);
    let kind = found.map_or("nothing", Cell::kind);
    found.and_then(T::from_cell).ok_or(DatabaseError::Column { column, found: kind, expected: T::KIND })
}

/// Milliseconds of a column or clock as a moment; `None` before 1970.
pub(crate) fn moment(ms: i64) -> Option<Moment> {
    u64::try_from(ms).ok().map(Moment::from_unix_ms)
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`StoreError::Database`] when the column is of another type or not there.
        pub fn $name(&self, at: usize) -> Result<$type, StoreError> {
            Ok(match self {
                Self::Sqlite(cells) => read(cells, at)?,
                Self::Postgres(row) => row.try_get(at).map_err(DatabaseError::from)?,
            })
        }
    };
}

impl Row {
    /// Puts every column into a hash, each with its type and length: the same on either database.
    ///
    /// # Errors
    /// [`StoreError::Database`] for a column of a type that none of ours has.
    pub(crate) fn absorb(&self, hasher: &mut blake3::Hasher) -> Result<(), StoreError> {
        let mut column = |kind: u8, bytes: &[u8]| {
            hasher.update(&[kind]).update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
        };
        let count = match self {
            Self::Sqlite(cells) => cells.len(),
            Self::Postgres(row) => row.len(),
        };
        for at in 0..count {
            match self.kind(at) {
                Kind::Null => column(b'-', &[]),
                Kind::Int => column(b'i', &self.int(at)?.to_be_bytes()),
                Kind::Text => column(b't', self.text(at)?.as_bytes()),
                Kind::Bytes => column(b'b', &self.bytes(at)?),
            }
        }
        Ok(())
    }

    /// What a column holds; a number that is none of ours is read as an integer, which fails.
    fn kind(&self, at: usize) -> Kind {
        match self {
            Self::Sqlite(cells) => match cells.get(at) {
                None | Some(Cell::Null) => Kind::Null,
                Some(Cell::Int(_) | Cell::Real) => Kind::Int,
                Some(Cell::Text(_)) => Kind::Text,
                Some(Cell::Bytes(_)) => Kind::Bytes,
            },
            Self::Postgres(row) => match row.columns().get(at).map(|column| column.type_().clone()) {
                Some(Type::TEXT) if !matches!(row.try_get::<_, Option<&str>>(at), Ok(None)) => Kind::Text,
                Some(Type::BYTEA) if !matches!(row.try_get::<_, Option<&[u8]>>(at), Ok(None)) => Kind::Bytes,
                Some(Type::TEXT | Type::BYTEA) | None => Kind::Null,
                Some(_) if matches!(row.try_get::<_, Option<i64>>(at), Ok(None)) => Kind::Null,
                Some(_) => Kind::Int,
            },
        }
    }

    getter!(
        /// An integer.
        int, i64
    );
    getter!(
        /// An integer or null.
        int_or_null, Option<i64>
    );
    getter!(
        /// A text.
        text, String
    );
    getter!(
        /// A text or null.
        text_or_null, Option<String>
    );
    getter!(
        /// Bytes.
        bytes, Vec<u8>
    );
    getter!(
        /// Bytes or null.
        bytes_or_null, Option<Vec<u8>>
    );
}

#[cfg(test)]
mod tests {
    use super::{Cell, Row};

    #[test]
    fn a_column_is_read_as_its_own_type_only() {
        let bad = vec![0xff, 0xfe];
        let row = Row::Sqlite(vec![
            Cell::Int(7),
            Cell::Text(b"seven".to_vec()),
            Cell::Bytes(b"seven".to_vec()),
            Cell::Real,
            Cell::Null,
            Cell::Text(bad),
        ]);
        assert_eq!(row.int(0).unwrap(), 7);
        assert_eq!(row.text(1).unwrap(), "seven");
        assert_eq!(row.bytes(2).unwrap(), b"seven");
        for other in [1, 2, 3, 4, 5, 6] {
            assert!(row.int(other).is_err(), "{other}");
        }
        for other in [0, 2, 3, 4, 5, 6] {
            assert!(row.text(other).is_err(), "{other}");
        }
        for other in [0, 1, 3, 4, 5, 6] {
            assert!(row.bytes(other).is_err(), "{other}");
        }
        assert_eq!(row.int_or_null(4).unwrap(), None);
        assert_eq!(row.text_or_null(4).unwrap(), None);
        assert_eq!(row.bytes_or_null(2).unwrap().as_deref(), Some(b"seven".as_slice()));
        assert!(row.text_or_null(0).is_err() && row.int_or_null(6).is_err());
    }

    #[test]
    fn an_error_names_types_and_no_value() {
        let row = Row::Sqlite(vec![Cell::Text(b"hunter2".to_vec())]);
        let error = crate::sql::error::tests::chain(&row.int(0).unwrap_err());
        assert_eq!(error, "column 0 is a text, not an integer");
    }
}
