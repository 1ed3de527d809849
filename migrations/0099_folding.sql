-- What is searched is folded anew where it holds what folding drops or changes now: one kind of dot, nothing that cannot be
-- seen. @FOLD(column)@ is domain::text::fold of these characters, over what was folded before.

INSERT INTO application_ending (field, ending, application_id)
    WITH RECURSIVE cut (field, ending, application_id) AS (
        SELECT field, ending, application_id FROM (
            SELECT 2 AS field, @FOLD(contract_no_folded)@ AS ending, id AS application_id FROM application
                WHERE state <> 'draft' AND contract_no_folded <> @FOLD(contract_no_folded)@
            UNION ALL SELECT 3, @FOLD(bl_no_folded)@, id FROM application
                WHERE state <> 'draft' AND bl_no_folded <> @FOLD(bl_no_folded)@
            UNION ALL SELECT 5, @FOLD(applicant_folded)@, id FROM application
                WHERE state <> 'draft' AND applicant_folded <> @FOLD(applicant_folded)@
            UNION ALL SELECT 6, @FOLD(p.product_folded)@, p.application_id
                FROM application_item p JOIN application a ON a.id = p.application_id
                WHERE a.state <> 'draft' AND p.product_folded <> @FOLD(p.product_folded)@
            UNION ALL SELECT 7, @FOLD(p.model_folded)@, p.application_id
                FROM application_item p JOIN application a ON a.id = p.application_id
                WHERE a.state <> 'draft' AND p.model_folded <> @FOLD(p.model_folded)@
            UNION ALL SELECT 9, @FOLD(l.product_folded)@, c.application_id
                FROM certificate c JOIN certificate_item l ON l.certificate_id = c.id
                WHERE l.product_folded <> @FOLD(l.product_folded)@
        ) written WHERE LENGTH(ending) > 1
        UNION ALL SELECT field, SUBSTR(ending, 2), application_id FROM cut WHERE LENGTH(ending) > 2
    )
    SELECT field, SUBSTR(ending, 1, 32), application_id FROM cut WHERE true ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;

UPDATE application SET contract_no_folded = @FOLD(contract_no_folded)@ WHERE contract_no_folded <> @FOLD(contract_no_folded)@;
UPDATE application SET bl_no_folded = @FOLD(bl_no_folded)@ WHERE bl_no_folded <> @FOLD(bl_no_folded)@;
UPDATE application SET applicant_folded = @FOLD(applicant_folded)@ WHERE applicant_folded <> @FOLD(applicant_folded)@;
UPDATE application_item SET product_folded = @FOLD(product_folded)@ WHERE product_folded <> @FOLD(product_folded)@;
UPDATE application_item SET model_folded = @FOLD(model_folded)@ WHERE model_folded <> @FOLD(model_folded)@;
UPDATE certificate_item SET product_folded = @FOLD(product_folded)@ WHERE product_folded <> @FOLD(product_folded)@;
UPDATE certificate_amendment_item SET product_folded = @FOLD(product_folded)@ WHERE product_folded <> @FOLD(product_folded)@;
UPDATE product_template SET product_folded = @FOLD(product_folded)@ WHERE product_folded <> @FOLD(product_folded)@;
UPDATE product_template SET model_folded = @FOLD(model_folded)@ WHERE model_folded <> @FOLD(model_folded)@;
UPDATE account SET display_name_folded = @FOLD(display_name_folded)@ WHERE display_name_folded <> @FOLD(display_name_folded)@;
UPDATE bulletin SET title_folded = @FOLD(title_folded)@ WHERE title_folded <> @FOLD(title_folded)@;
UPDATE hs_type SET name_folded = @FOLD(name_folded)@ WHERE name_folded <> @FOLD(name_folded)@;

-- Names that differ in a dot alone and belong to one person both stay: they are told apart as they were.
UPDATE product_template SET name_folded = @FOLD(name_folded)@ WHERE name_folded <> @FOLD(name_folded)@
    AND NOT EXISTS (SELECT 1 FROM product_template o WHERE o.owner_id = product_template.owner_id
    AND o.id <> product_template.id AND @FOLD(o.name_folded)@ = @FOLD(product_template.name_folded)@);
UPDATE saved_filter SET name_folded = @FOLD(name_folded)@ WHERE name_folded <> @FOLD(name_folded)@
    AND NOT EXISTS (SELECT 1 FROM saved_filter o WHERE o.account_id = saved_filter.account_id
    AND o.id <> saved_filter.id AND @FOLD(o.name_folded)@ = @FOLD(saved_filter.name_folded)@);
