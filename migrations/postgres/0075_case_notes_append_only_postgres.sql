-- Notes stay as they were written; one that is not struck out yet may be struck out.
CREATE FUNCTION case_note_is_append_only() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'notes are append-only'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER case_note_no_update BEFORE UPDATE ON case_note FOR EACH ROW
    WHEN (OLD.struck_at IS NOT NULL OR NEW.struck_at IS NULL OR NEW.id <> OLD.id OR NEW.text <> OLD.text OR NEW.at <> OLD.at
        OR NEW.application_id <> OLD.application_id OR NEW.author_id <> OLD.author_id OR NEW.author_name <> OLD.author_name
        OR NEW.bureau_code <> OLD.bureau_code OR NEW.post IS DISTINCT FROM OLD.post OR NEW.creation_key <> OLD.creation_key)
    EXECUTE FUNCTION case_note_is_append_only();
CREATE TRIGGER case_note_no_delete BEFORE DELETE ON case_note FOR EACH ROW EXECUTE FUNCTION case_note_is_append_only();
CREATE TRIGGER case_note_file_no_change BEFORE UPDATE OR DELETE ON case_note_file FOR EACH ROW EXECUTE FUNCTION case_note_is_append_only();
