-- The service clock, its terms, saved filters, and the holder of an amendment (E14).

-- From when the clock of the post counts: now minus the working time that is used up. So the longest waiting is the first
-- of an index. 9223372036854775807 while it stands still, because the enterprise owes an answer or no post has the case;
-- then waited_ms keeps the working time that was used up.
ALTER TABLE application ADD COLUMN waiting_since BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE application ADD COLUMN waited_ms BIGINT NOT NULL DEFAULT 0;
UPDATE application SET waiting_since = arrived_at
    WHERE current_post IS NOT NULL AND state <> 'comparing_paper' AND arrived_at IS NOT NULL;
DROP INDEX application_worklist;
CREATE INDEX application_worklist ON application (current_bureau, current_post, waiting_since, id)
    WHERE current_bureau IS NOT NULL;
CREATE INDEX application_bureau_worklist ON application (current_bureau, waiting_since, id)
    WHERE current_bureau IS NOT NULL;
DROP INDEX application_handler;
CREATE INDEX application_handler ON application (handler_id, waiting_since, id) WHERE handler_id IS NOT NULL;

-- How long a post may take, in working days, and after how many of them it is said to be close to the end.
CREATE TABLE service_term (
    post TEXT PRIMARY KEY,
    term_days BIGINT NOT NULL CHECK (term_days BETWEEN 1 AND 60),
    amber_days BIGINT NOT NULL CHECK (amber_days BETWEEN 0 AND 60)
);
INSERT INTO service_term (post, term_days, amber_days) VALUES
    ('accept', 2, 1), ('first_review', 3, 2), ('final_review', 3, 2), ('compare', 2, 1), ('issue', 1, 0),
    ('amend_approve', 2, 1), ('amend_confirm', 3, 2);

-- Filters of the worklist that an officer saved under a name.
CREATE TABLE saved_filter (
    id @ID@,
    account_id BIGINT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    -- The query of the list's address.
    query TEXT NOT NULL,
    is_default BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_filter_name ON saved_filter (account_id, name_folded);
CREATE UNIQUE INDEX saved_filter_default ON saved_filter (account_id) WHERE is_default = TRUE;

-- Who works on an amendment.
ALTER TABLE certificate_amendment ADD COLUMN handler_id BIGINT REFERENCES account (id);
ALTER TABLE certificate_amendment ADD COLUMN taken_at BIGINT;
CREATE INDEX certificate_amendment_handler ON certificate_amendment (handler_id) WHERE handler_id IS NOT NULL;
