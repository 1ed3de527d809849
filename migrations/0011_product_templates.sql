-- 产品模板: what an enterprise fills into products again and again. Amounts, serial numbers and the place of use belong to
-- one application and are not kept.

CREATE TABLE product_template (
    id @ID@,
    owner_id BIGINT NOT NULL REFERENCES account (id),
    organisation_id BIGINT NOT NULL REFERENCES organisation (id),
    creation_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    hs_code TEXT NOT NULL,
    hs_name TEXT NOT NULL,
    product_name TEXT NOT NULL,
    product_folded TEXT NOT NULL,
    model TEXT NOT NULL,
    model_folded TEXT NOT NULL,
    brand TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    origin_country TEXT NOT NULL,
    qty_unit TEXT NOT NULL,
    unit_price BIGINT NOT NULL CHECK (unit_price >= 0),
    currency TEXT NOT NULL,
    usage_note TEXT NOT NULL,
    remark TEXT NOT NULL,
    traits TEXT NOT NULL,
    UNIQUE (owner_id, creation_key),
    UNIQUE (owner_id, name_folded)
);
CREATE INDEX product_template_owner ON product_template (owner_id, id);
CREATE INDEX product_template_organisation ON product_template (organisation_id, id);
