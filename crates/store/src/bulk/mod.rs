//! Ways around the general adapter where rows come by the hundred thousand: all keys at a start, and the
//! journal's records. Beside `sql` these are the only files that name a database.

pub(crate) mod journal;
pub(crate) mod keys;
