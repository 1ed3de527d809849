-- Whose a certificate is, as of its application, which never changes hands: the list of an enterprise and its orders are an
-- index, however many certificates lie between its own (E10).

ALTER TABLE certificate ADD COLUMN owner_id BIGINT REFERENCES account (id);
ALTER TABLE certificate ADD COLUMN organisation_id BIGINT REFERENCES organisation (id);
UPDATE certificate SET owner_id = (SELECT a.owner_id FROM application a WHERE a.id = certificate.application_id),
    organisation_id = (SELECT a.organisation_id FROM application a WHERE a.id = certificate.application_id);
CREATE INDEX certificate_owner ON certificate (owner_id, valid_to, id, state, open_lines);
CREATE INDEX certificate_organisation ON certificate (organisation_id, valid_to, id, state, open_lines);

-- From an application, too, whether a bureau sees it is read in an index alone.
DROP INDEX application_viewer_application;
CREATE INDEX application_viewer_application ON application_viewer (application_id, bureau_code);
