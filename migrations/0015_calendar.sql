-- Days on which working days differ from Monday to Friday, by the yearly notices on public holidays (service clock).
CREATE TABLE holiday (
    day TEXT PRIMARY KEY,
    is_working BOOLEAN NOT NULL,
    name TEXT NOT NULL
);
