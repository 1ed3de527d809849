-- 全国证明查询 (R-2.8-17): lines of certificates are found by the endings of what their version in force calls them, and of
-- their HS codes.

DROP INDEX certificate_item_hs;

INSERT INTO application_ending (field, ending, application_id)
    WITH RECURSIVE cut (field, ending, application_id) AS (
        SELECT field, ending, application_id FROM (
            SELECT 8 AS field, l.hs_code AS ending, c.application_id AS application_id
                FROM certificate c JOIN certificate_item l ON l.certificate_id = c.id
            UNION ALL SELECT 9, l.product_folded, c.application_id
                FROM certificate c JOIN certificate_item l ON l.certificate_id = c.id
        ) written WHERE LENGTH(ending) > 1
        UNION ALL SELECT field, SUBSTR(ending, 2), application_id FROM cut WHERE LENGTH(ending) > 2
    )
    SELECT field, SUBSTR(ending, 1, 32), application_id FROM cut WHERE true ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;
