-- The list of certificates, its filters and its orders; reminders before the end of their validity (D17, D19).

CREATE INDEX certificate_expiry ON certificate (valid_to, id, state, open_lines);
-- The paper that somebody shows us, by its hash.
CREATE INDEX certificate_version_paper ON certificate_version (sha256);

-- Which bureaus see a certificate (D5), with its last day, so that both orders of the list are an index. The database
-- itself carries a new last day over.
CREATE UNIQUE INDEX certificate_validity ON certificate (id, valid_to);
CREATE TABLE certificate_viewer (
    bureau_code TEXT NOT NULL REFERENCES bureau (code),
    certificate_id BIGINT NOT NULL,
    valid_to TEXT NOT NULL,
    PRIMARY KEY (bureau_code, certificate_id),
    FOREIGN KEY (certificate_id, valid_to) REFERENCES certificate (id, valid_to) ON UPDATE CASCADE
);
CREATE INDEX certificate_viewer_expiry ON certificate_viewer (bureau_code, valid_to, certificate_id);
CREATE INDEX certificate_viewer_certificate ON certificate_viewer (certificate_id, valid_to);
INSERT INTO certificate_viewer (bureau_code, certificate_id, valid_to)
    SELECT v.bureau_code, c.id, c.valid_to FROM application_viewer v
    JOIN certificate c ON c.application_id = v.application_id;

-- The day on which the holder of a version is reminded next: empty before it was looked at, 9999-12-31 when never again.
ALTER TABLE certificate_version ADD COLUMN remind_on TEXT NOT NULL DEFAULT '';
CREATE INDEX certificate_version_reminder ON certificate_version (remind_on);
