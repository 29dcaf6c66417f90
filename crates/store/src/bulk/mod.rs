//! Ways around the general adapter where rows come by the hundred thousand or questions by the hundred a second:
//! all keys at a start, many keys at once, the journal's records, the look-out for changes. And what one database alone has:
//! the journal's parts by day. Beside `sql` these are the only files that name a database.

pub(crate) mod charts;
pub(crate) mod days;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod watch;
