-- Letters about certificates. The program knows the kinds.

ALTER TABLE letter DROP CONSTRAINT IF EXISTS letter_kind_check;
ALTER TABLE letter ADD CONSTRAINT letter_kind_check CHECK (kind <> '');
