-- 审计查询: pages of the trail, newest first, by bureau, person and action; and who read personal data (E11).

CREATE INDEX audit_time ON audit (at, id);
CREATE INDEX audit_bureau ON audit (bureau_code, at, id);
CREATE INDEX audit_actor ON audit (actor_id, at, id);
CREATE INDEX audit_action ON audit (action, at, id);

CREATE TABLE reading (
    id @ID@,
    at BIGINT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES account (id),
    actor_name TEXT NOT NULL,
    bureau_code TEXT,
    what TEXT NOT NULL,
    -- The application, certificate or account that was read; 0 when it was a list.
    subject_id BIGINT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX reading_time ON reading (at, id);
CREATE INDEX reading_account ON reading (account_id, at, id);
CREATE INDEX reading_bureau ON reading (bureau_code, at, id);
CREATE INDEX reading_subject ON reading (what, subject_id, at, id);
