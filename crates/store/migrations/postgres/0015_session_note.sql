-- What the session's last action did: a word that the next page takes and shows once.
ALTER TABLE sessions ADD COLUMN note TEXT;
