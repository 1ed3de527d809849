-- Lists of a million applications (E10): what narrows them and what is counted of them is read in indexes alone.

-- The state of the application, for the lists of bureaus; written with every transition.
ALTER TABLE application_viewer ADD COLUMN state TEXT NOT NULL DEFAULT '';
UPDATE application_viewer SET state =
    (SELECT a.state FROM application a WHERE a.id = application_viewer.application_id);
CREATE INDEX application_viewer_state ON application_viewer (bureau_code, state, application_id);
CREATE INDEX application_state ON application (state, id) WHERE state <> 'draft';

-- Worklists are filtered by applicant and number and counted by post.
DROP INDEX application_worklist;
CREATE INDEX application_worklist ON application (current_bureau, current_post, waiting_since, id, applicant_folded, number)
    WHERE current_bureau IS NOT NULL;
DROP INDEX application_bureau_worklist;
CREATE INDEX application_bureau_worklist ON application (current_bureau, waiting_since, id, current_post, applicant_folded,
    number) WHERE current_bureau IS NOT NULL;
DROP INDEX application_waiting;
CREATE INDEX application_waiting ON application (current_post, clause_code, current_bureau, state, arrived_at, id,
    waiting_since) WHERE current_post IS NOT NULL;
