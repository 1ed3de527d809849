-- 综合查询 (D27): products are found by the endings of their names and models as applications are by their numbers, and a
-- clause or a period is read in the index of the list.

DROP INDEX application_submitted;
CREATE INDEX application_submitted ON application (id, state, number, contract_no_folded, bl_no_folded, certificate_no,
    applicant_folded, clause_code, submitted_at) WHERE state <> 'draft';

INSERT INTO application_ending (field, ending, application_id)
    WITH RECURSIVE cut (field, ending, application_id) AS (
        SELECT field, ending, application_id FROM (
            SELECT 6 AS field, p.product_folded AS ending, p.application_id AS application_id
                FROM application_item p JOIN application a ON a.id = p.application_id WHERE a.state <> 'draft'
            UNION ALL SELECT 7, p.model_folded, p.application_id
                FROM application_item p JOIN application a ON a.id = p.application_id WHERE a.state <> 'draft'
        ) written WHERE LENGTH(ending) > 1
        UNION ALL SELECT field, SUBSTR(ending, 2), application_id FROM cut WHERE LENGTH(ending) > 2
    )
    SELECT DISTINCT field, SUBSTR(ending, 1, 32), application_id FROM cut;
