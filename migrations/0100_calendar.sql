-- Countries and currencies are kept on pages like units are: with a first and a last day.
ALTER TABLE country ADD COLUMN valid_from TEXT NOT NULL DEFAULT '0001-01-01';
ALTER TABLE country ADD COLUMN valid_to TEXT NOT NULL DEFAULT '9999-12-31';
ALTER TABLE currency ADD COLUMN valid_from TEXT NOT NULL DEFAULT '0001-01-01';
ALTER TABLE currency ADD COLUMN valid_to TEXT NOT NULL DEFAULT '9999-12-31';

-- After a change of working days what was computed with them is computed again, in parts: how far it has come.
CREATE TABLE calendar_recount (
    id @ID@,
    -- The first day that may count differently now.
    from_day TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    case_after BIGINT NOT NULL,
    fact_after BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX calendar_recount_open ON calendar_recount (due_at) WHERE done_at IS NULL;
-- The facts of one application are computed together.
CREATE INDEX case_fact_application ON case_fact (application_id);

-- What an enterprise must know before it goes there: where a bureau is, when it is open, who takes papers in.
ALTER TABLE bureau ADD COLUMN office_hours TEXT NOT NULL DEFAULT '';
ALTER TABLE bureau ADD COLUMN paper_receiver TEXT NOT NULL DEFAULT '';
