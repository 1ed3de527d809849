-- 模糊 search among all applications (E10): every ending of what is searched, so that containment is a range of the key.
-- An ending stays when its text is corrected: the search looks at the application itself afterwards.

CREATE TABLE application_ending (
    field SMALLINT NOT NULL,
    ending TEXT @BYTEWISE@ NOT NULL,
    application_id BIGINT NOT NULL,
    PRIMARY KEY (field, ending, application_id)
) @CLUSTERED@;

-- Conditions that nearly all applications meet are counted in this index alone.
DROP INDEX application_submitted;
CREATE INDEX application_submitted ON application (id, state, number, contract_no_folded, bl_no_folded, certificate_no,
    applicant_folded) WHERE state <> 'draft';

INSERT INTO application_ending (field, ending, application_id)
    WITH RECURSIVE cut (field, ending, application_id) AS (
        SELECT field, ending, application_id FROM (
            SELECT 1 AS field, LOWER(number) AS ending, id AS application_id FROM application WHERE state <> 'draft'
            UNION ALL SELECT 2, contract_no_folded, id FROM application WHERE state <> 'draft'
            UNION ALL SELECT 3, bl_no_folded, id FROM application WHERE state <> 'draft'
            UNION ALL SELECT 4, LOWER(certificate_no), id FROM application WHERE state <> 'draft'
            UNION ALL SELECT 5, applicant_folded, id FROM application WHERE state <> 'draft'
        ) written WHERE LENGTH(ending) > 1
        UNION ALL SELECT field, SUBSTR(ending, 2), application_id FROM cut WHERE LENGTH(ending) > 2
    )
    SELECT DISTINCT field, SUBSTR(ending, 1, 32), application_id FROM cut;
