-- Kinds of subjects are words of the program alone; the first new one is the system of a port. The rows stay where they are:
-- this is the documented way to change a CHECK without making the table anew.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = REPLACE(sql, 'CHECK (subject_kind IN (''application'', ''certificate'', ''account''))',
    'CHECK (subject_kind <> '''')') WHERE type = 'table' AND name = 'audit';
PRAGMA writable_schema = RESET;
-- Making a key of a port's system, changing it and switching it off is audited.
ALTER TABLE port_system ADD COLUMN audit_head TEXT NOT NULL DEFAULT '';
