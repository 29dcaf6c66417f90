//! What a statement takes: integers, texts, bytes, and nulls that keep their type. Times are integer milliseconds.

/// One bound value. Nulls keep their type, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub enum Value {
    /// An integer or its null.
    Int(Option<i64>),
    /// A text or its null.
    Text(Option<String>),
    /// Bytes or their null.
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u64> for Value {
    /// Ids, revisions and times all lie below 2^63; what does not can match no row.
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(-1)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_owned()))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        Self::Int(value.map(|number| i64::try_from(number).unwrap_or(-1)))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}
