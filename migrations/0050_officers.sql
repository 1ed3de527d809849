-- Accounts of bureaus and CNCA, as their administrators keep them (R-C-06).

ALTER TABLE account ADD COLUMN last_login_at BIGINT;
-- Why it is switched off; empty while it is on.
ALTER TABLE account ADD COLUMN disabled_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN display_name_folded TEXT NOT NULL DEFAULT '';
UPDATE account SET display_name_folded = LOWER(REPLACE(display_name, ' ', '')) WHERE kind <> 'enterprise';
CREATE INDEX account_bureau ON account (bureau_code, id) WHERE kind <> 'enterprise';

-- Log-ins of its officers ask for a second factor.
ALTER TABLE bureau ADD COLUMN second_factor_required BOOLEAN NOT NULL DEFAULT FALSE;

-- What an officer has taken is found when he goes.
CREATE INDEX application_handler ON application (handler_id) WHERE handler_id IS NOT NULL;
