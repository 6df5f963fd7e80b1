-- Budgets that were made or changed while Weir runs. Times are microseconds since the epoch, UTC.
CREATE TABLE budgets (
    name       TEXT PRIMARY KEY,
    entry      TEXT NOT NULL, -- JSON with the keys of [[budgets]]
    updated_at BIGINT NOT NULL
);
