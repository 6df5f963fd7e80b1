-- What people arrange in the dashboard. Times are microseconds since the epoch, UTC.
CREATE TABLE documents (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL, -- view, panel, dashboard
    name       TEXT NOT NULL,
    body       TEXT NOT NULL, -- JSON of the web app
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision   BIGINT NOT NULL -- 1 when new, one more with each change
);

CREATE INDEX documents_by_kind ON documents (kind, name);
