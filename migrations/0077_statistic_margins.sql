-- Sums over the bureaus of the country, so that its page adds thousands of rows up and not every cell: of each clause and of
-- all (clause_filter blank), one set of rows for each thing that a table of the page is about.
CREATE TABLE statistic_margin (
    clause_filter TEXT NOT NULL,
    month TEXT NOT NULL,
    -- month, bureau, clause, class or post; and which one of them (blank for the month itself).
    dimension TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    is_late BIGINT NOT NULL,
    days BIGINT NOT NULL,
    n BIGINT NOT NULL CHECK (n > 0),
    PRIMARY KEY (clause_filter, month, dimension, name, kind, outcome, is_late, days)
) @CLUSTERED@;

INSERT INTO statistic_margin (clause_filter, month, dimension, name, kind, outcome, is_late, days, n)
    SELECT f.clause_filter, c.month, d.dimension,
        CASE d.dimension WHEN 'bureau' THEN c.bureau_code WHEN 'clause' THEN c.clause_code WHEN 'class' THEN c.hs_class
            WHEN 'post' THEN c.post ELSE '' END AS name,
        c.kind, c.outcome, c.is_late, c.days, SUM(c.n)
    FROM statistic_cell c
    CROSS JOIN (SELECT 'month' AS dimension UNION ALL SELECT 'bureau' UNION ALL SELECT 'clause' UNION ALL SELECT 'class'
        UNION ALL SELECT 'post') d
    JOIN (SELECT '' AS clause_filter UNION ALL SELECT code FROM clause) f
        ON f.clause_filter = '' OR f.clause_filter = c.clause_code
    WHERE (d.dimension IN ('month', 'bureau', 'clause') AND c.hs_class = '' AND c.kind <> 'decided')
        OR (d.dimension = 'class' AND c.hs_class <> '') OR (d.dimension = 'post' AND c.kind = 'decided')
    GROUP BY 1, 2, 3, 4, c.kind, c.outcome, c.is_late, c.days;
