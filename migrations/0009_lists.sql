-- What lists read without opening the wide rows of applications (E10): filters and totals are answered by these alone.

DROP INDEX application_owner;
CREATE INDEX application_owner ON application (owner_id, id, state, expires_at, number, contract_no_folded, bl_no_folded,
    certificate_no, applicant_folded);
CREATE INDEX application_owner_waiting ON application (owner_id, state, expires_at, entered_by_bureau)
    WHERE state IN ('draft', 'returned', 'comparing_paper');
CREATE INDEX application_submitted ON application (id, state) WHERE state <> 'draft';

-- Which bureaus see an application, once each: those of its frozen route (D5). Written at submission.
CREATE TABLE application_viewer (
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    application_id BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
    PRIMARY KEY (bureau_code, application_id)
);
CREATE INDEX application_viewer_application ON application_viewer (application_id);
INSERT INTO application_viewer (bureau_code, application_id)
    SELECT DISTINCT bureau_code, application_id FROM application_route;
