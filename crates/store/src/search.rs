//! How far one search goes, and what it gives: whoever asks is told where it stopped.

/// Where a search stops, whatever comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// So many rows were found.
    pub rows: usize,
    /// So many were looked through.
    pub looked_through: u64,
}

/// What a search found, and where to search on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<R, P> {
    /// The rows, newest first.
    pub rows: Vec<R>,
    /// Where the next search begins, if there may be more.
    pub next: Option<P>,
    /// How many were looked through, those of others that lie between included.
    pub looked_through: u64,
}

impl<R, P> Found<R, P> {
    /// The same with each row in another form.
    pub fn map<S>(self, form: impl FnMut(R) -> S) -> Found<S, P> {
        let Self { rows, next, looked_through } = self;
        Found { rows: rows.into_iter().map(form).collect(), next, looked_through }
    }
}
