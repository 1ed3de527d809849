-- Kinds of letters are words of the program alone: letters about the security of an account are the first of more to
-- come.
ALTER TABLE letter DROP CONSTRAINT letter_kind_check;
ALTER TABLE letter ADD CONSTRAINT letter_kind_check CHECK (kind <> '');
