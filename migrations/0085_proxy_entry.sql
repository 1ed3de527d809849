-- 补录 (R-B-10): who of the bureau entered an application, and what the list of its post and its count in the menu read.

ALTER TABLE application ADD COLUMN entered_by_id BIGINT REFERENCES account (id);
CREATE INDEX application_entered ON application (entered_by_bureau, id, state, expires_at, entered_by_id)
    WHERE entered_by_bureau IS NOT NULL;
CREATE INDEX application_entered_waiting ON application (entered_by_bureau, state, expires_at)
    WHERE entered_by_bureau IS NOT NULL AND state IN ('draft', 'returned');

-- The enterprise's own are the rest; an application that was entered is seen by its bureau wherever its route leads.
INSERT INTO application_viewer (bureau_code, application_id)
    SELECT a.entered_by_bureau, a.id FROM application a
    WHERE a.entered_by_bureau IS NOT NULL AND a.state <> 'draft' AND NOT EXISTS (
        SELECT 1 FROM application_viewer v
        WHERE v.bureau_code = a.entered_by_bureau AND v.application_id = a.id);
