-- Statistics (R-C-05): what happened to applications, as facts that lists show, and how many of them there are, as cells
-- that sums are made of. A duty of the clock reads both from the audit trail, in one transaction; doctor adds them up again.

CREATE TABLE case_fact (
    id @ID@,
    kind TEXT NOT NULL CHECK (kind IN ('submitted', 'decided', 'concluded')),
    -- Empty for the fact itself; of submissions and endings there is one more row for each class of the products.
    hs_class TEXT NOT NULL,
    -- The row of the trail that it was read from.
    audit_id BIGINT NOT NULL,
    application_id BIGINT NOT NULL REFERENCES application (id),
    at BIGINT NOT NULL,
    -- YYYY-MM, China time.
    month TEXT NOT NULL,
    -- Who decided; of submissions and endings, who received the application.
    bureau_code TEXT NOT NULL,
    clause_code TEXT NOT NULL,
    -- Empty where there is none.
    post TEXT NOT NULL,
    outcome TEXT NOT NULL,
    is_late BIGINT NOT NULL CHECK (is_late IN (0, 1)),
    -- Working days on the service clock.
    days BIGINT NOT NULL CHECK (days >= 0),
    UNIQUE (kind, hs_class, audit_id)
);
CREATE INDEX case_fact_time ON case_fact (kind, hs_class, at, id, bureau_code, clause_code, post, outcome, is_late, days);
CREATE INDEX case_fact_bureau ON case_fact (bureau_code, kind, hs_class, at, id, clause_code, post, outcome, is_late, days);

CREATE TABLE statistic_cell (
    month TEXT NOT NULL,
    bureau_code TEXT NOT NULL,
    kind TEXT NOT NULL,
    hs_class TEXT NOT NULL,
    clause_code TEXT NOT NULL,
    post TEXT NOT NULL,
    outcome TEXT NOT NULL,
    is_late BIGINT NOT NULL,
    days BIGINT NOT NULL,
    n BIGINT NOT NULL CHECK (n > 0),
    PRIMARY KEY (month, bureau_code, kind, hs_class, clause_code, post, outcome, is_late, days)
) @CLUSTERED@;

-- How far the trail was read.
CREATE TABLE statistic_progress (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    last_audit_id BIGINT NOT NULL,
    -- What happened before this instant is counted.
    counted_to BIGINT NOT NULL
);
INSERT INTO statistic_progress (id, last_audit_id, counted_to) VALUES (1, 0, 0);

-- What lies at the posts, without opening the wide rows.
CREATE INDEX application_waiting ON application (current_post, clause_code, current_bureau, state, arrived_at, id)
    WHERE current_post IS NOT NULL;
