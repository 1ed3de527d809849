-- Who last changed the four shared fields of an organisation, so that the others are told (D3).

ALTER TABLE organisation ADD COLUMN changed_at BIGINT;
ALTER TABLE organisation ADD COLUMN changed_by BIGINT REFERENCES account (id);
