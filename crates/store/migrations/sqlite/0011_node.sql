-- The one gateway that serves on this store, until there are clusters: who it is, where it runs, when it last said so.
CREATE TABLE node (id INTEGER PRIMARY KEY, holder TEXT NOT NULL, place TEXT NOT NULL, renewed_at INTEGER NOT NULL);
