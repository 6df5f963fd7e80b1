-- Virtual keys. The key itself is not kept, only its SHA-256. Times are microseconds since the epoch, UTC.
CREATE TABLE keys (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    prefix     TEXT NOT NULL,
    team       TEXT,
    app        TEXT,
    models     TEXT NOT NULL, -- a JSON array
    providers  TEXT NOT NULL, -- a JSON array
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
