-- What the spool is called, and for which store it is: spools of two stores must not be mixed up.
CREATE TABLE spool (name TEXT NOT NULL, store BLOB NOT NULL);
