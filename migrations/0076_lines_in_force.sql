-- What the version in force calls a line, for whoever looks for a certificate by its products: an amendment changes it.
ALTER TABLE certificate_item ADD COLUMN hs_code TEXT NOT NULL DEFAULT '';
ALTER TABLE certificate_item ADD COLUMN product_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE certificate_amendment_item ADD COLUMN product_folded TEXT NOT NULL DEFAULT '';

UPDATE certificate_amendment_item SET product_folded = LOWER(product_name);
UPDATE certificate_item SET hs_code = p.hs_code, product_folded = p.product_folded
    FROM (SELECT c.id AS certificate_id, i.hs_code, i.product_folded,
            ROW_NUMBER() OVER (PARTITION BY c.id ORDER BY i.id) AS ordinal
        FROM certificate c JOIN application_item i ON i.application_id = c.application_id) p
    WHERE certificate_item.certificate_id = p.certificate_id AND certificate_item.ordinal = p.ordinal;
UPDATE certificate_item SET hs_code = n.hs_code, product_folded = n.product_folded
    FROM (SELECT m.certificate_id, x.ordinal, x.hs_code, x.product_folded,
            ROW_NUMBER() OVER (PARTITION BY m.certificate_id, x.ordinal ORDER BY m.new_version DESC) AS age
        FROM certificate_amendment m JOIN certificate_amendment_item x ON x.amendment_id = m.id
        WHERE m.state = 'confirmed') n
    WHERE n.age = 1 AND certificate_item.certificate_id = n.certificate_id AND certificate_item.ordinal = n.ordinal;
CREATE INDEX certificate_item_hs ON certificate_item (hs_code, certificate_id);
