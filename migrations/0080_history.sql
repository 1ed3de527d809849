-- 历史: the applications of the same applicant, for the same product and for the same model, the newest first.

CREATE INDEX application_applicant ON application (applicant_org_code, id) WHERE state <> 'draft';
CREATE INDEX application_item_model ON application_item (model_folded, application_id);
CREATE INDEX application_item_product ON application_item (product_folded, application_id);
