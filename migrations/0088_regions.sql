-- 行政区划 are kept on pages like the other reference data (R-C-03): added, renamed while nothing names them, ended.
ALTER TABLE region ADD COLUMN valid_from TEXT NOT NULL DEFAULT '0001-01-01';
ALTER TABLE region ADD COLUMN valid_to TEXT NOT NULL DEFAULT '9999-12-31';
