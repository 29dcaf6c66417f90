-- Limits of a key, read from the bodies of its requests: the text of `rules::fence`, sealed with the rest.
ALTER TABLE keys ADD COLUMN fences TEXT;
