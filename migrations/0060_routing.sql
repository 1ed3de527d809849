-- 业务下放 and jurisdiction as people maintain them. A rule is ended or followed by another one, never changed once it was
-- in force: the frozen routes name it.

ALTER TABLE delegation ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE delegation ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE delegation ADD COLUMN replaces_id BIGINT REFERENCES delegation (id);
-- Whether a rule ever decided anything.
CREATE INDEX application_route_delegation ON application_route (delegation_id) WHERE delegation_id IS NOT NULL;

-- A region that somebody maintained is left alone by imports.
ALTER TABLE jurisdiction ADD COLUMN maintained BOOLEAN NOT NULL DEFAULT FALSE;

-- Which rows of the audit trail changed the routing of which direct bureau; the facts stand in the trail.
CREATE TABLE routing_deed (
    audit_id BIGINT NOT NULL REFERENCES audit (id),
    direct_bureau_code TEXT NOT NULL REFERENCES bureau (code),
    delegation_id BIGINT REFERENCES delegation (id),
    PRIMARY KEY (audit_id, direct_bureau_code)
);
CREATE INDEX routing_deed_bureau ON routing_deed (direct_bureau_code, audit_id);
CREATE INDEX routing_deed_delegation ON routing_deed (delegation_id, audit_id);
