-- Which key signed a paper, so that `mianban doctor` knows the keys that certificates need without reading every paper.
-- Blank: made before this was noted.
ALTER TABLE certificate_version ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
