-- Notes stay as they were written; one that is not struck out yet may be struck out.
CREATE TRIGGER case_note_no_update BEFORE UPDATE ON case_note
    WHEN OLD.struck_at IS NOT NULL OR NEW.struck_at IS NULL OR NEW.id <> OLD.id OR NEW.text <> OLD.text OR NEW.at <> OLD.at
        OR NEW.application_id <> OLD.application_id OR NEW.author_id <> OLD.author_id OR NEW.author_name <> OLD.author_name
        OR NEW.bureau_code <> OLD.bureau_code OR NEW.post IS NOT OLD.post OR NEW.creation_key <> OLD.creation_key
    BEGIN SELECT RAISE(ABORT, 'notes are append-only'); END;
CREATE TRIGGER case_note_no_delete BEFORE DELETE ON case_note BEGIN SELECT RAISE(ABORT, 'notes are append-only'); END;
CREATE TRIGGER case_note_file_no_update BEFORE UPDATE ON case_note_file BEGIN SELECT RAISE(ABORT, 'notes are append-only'); END;
CREATE TRIGGER case_note_file_no_delete BEFORE DELETE ON case_note_file BEGIN SELECT RAISE(ABORT, 'notes are append-only'); END;
