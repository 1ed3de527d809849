-- Kinds of subjects are words of the program alone; the first new one is the system of a port.
ALTER TABLE audit DROP CONSTRAINT audit_subject_kind_check;
ALTER TABLE audit ADD CONSTRAINT audit_subject_kind_check CHECK (subject_kind <> '') NOT VALID;
-- Making a key of a port's system, changing it and switching it off is audited.
ALTER TABLE port_system ADD COLUMN audit_head TEXT NOT NULL DEFAULT '';
