-- Letters about the security of an account.
ALTER TABLE letter DROP CONSTRAINT letter_kind_check;
ALTER TABLE letter ADD CONSTRAINT letter_kind_check CHECK (kind IN ('status', 'draft', 'password', 'security'));
