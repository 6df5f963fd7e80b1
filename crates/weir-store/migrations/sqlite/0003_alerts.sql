-- What monitors found, what was told to whom, and what people changed. Times are microseconds since the epoch, UTC.
-- Groups of tags are JSON arrays of pairs, sorted by key, so that equal groups are equal text.

-- The judge: one row.
CREATE TABLE judge (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    tick  BIGINT NOT NULL,
    chain TEXT NOT NULL
);

CREATE TABLE judge_groups (
    monitor    TEXT NOT NULL,
    group_tags TEXT NOT NULL,
    state      TEXT NOT NULL, -- JSON of the judge
    PRIMARY KEY (monitor, group_tags)
) WITHOUT ROWID;

CREATE TABLE judge_digests (
    monitor TEXT NOT NULL,
    tick    BIGINT NOT NULL,
    digest  TEXT NOT NULL,
    PRIMARY KEY (monitor, tick)
) WITHOUT ROWID;
CREATE INDEX judge_digests_by_tick ON judge_digests (tick);

CREATE TABLE saved_monitors (
    name     TEXT PRIMARY KEY,
    entry    TEXT NOT NULL, -- JSON with the keys of [[monitors]]
    saved_at BIGINT NOT NULL
);

CREATE TABLE transitions (
    number     INTEGER PRIMARY KEY,
    monitor    TEXT NOT NULL,
    group_tags TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    body       TEXT NOT NULL, -- JSON
    UNIQUE (monitor, group_tags, seq, at)
);
CREATE INDEX transitions_by_monitor ON transitions (monitor, at);
CREATE INDEX transitions_by_time ON transitions (at);

-- One row for each alert, from the change that left `ok` to the one that returned to it.
CREATE TABLE alerts (
    id         TEXT PRIMARY KEY,
    monitor    TEXT NOT NULL,
    group_tags TEXT NOT NULL,
    state      TEXT NOT NULL,
    since      BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX alerts_active ON alerts (since) WHERE ended_at IS NULL;

CREATE TABLE notices (
    number       INTEGER PRIMARY KEY AUTOINCREMENT, -- their order
    id           TEXT NOT NULL UNIQUE,
    alert_id     TEXT NOT NULL,
    monitor      TEXT NOT NULL,
    committed_at BIGINT NOT NULL,
    is_open      BIGINT NOT NULL, -- 1 until the notifier has dealt with it
    body         TEXT NOT NULL -- JSON
);
CREATE INDEX notices_open ON notices (number) WHERE is_open = 1;
CREATE INDEX notices_by_alert ON notices (alert_id, number);

CREATE TABLE deliveries (
    number       INTEGER PRIMARY KEY AUTOINCREMENT, -- their order
    id           TEXT NOT NULL UNIQUE,
    receiver     TEXT NOT NULL,
    group_key    TEXT NOT NULL,
    round        BIGINT NOT NULL,
    notices      TEXT NOT NULL, -- a JSON array of ids
    monitors     TEXT NOT NULL, -- a JSON array of names
    state        TEXT NOT NULL, -- pending, delivered, failed, suppressed
    attempts     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    next_at      BIGINT,
    delivered_at BIGINT,
    error        TEXT,
    receipt      TEXT,
    body         TEXT NOT NULL -- empty when done
);
CREATE INDEX deliveries_pending ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_group ON deliveries (group_key, created_at);
CREATE INDEX deliveries_by_time ON deliveries (created_at);

-- Who was told what. The key is why nobody is told twice.
CREATE TABLE tellings (
    notice   TEXT NOT NULL,
    receiver TEXT NOT NULL,
    round    BIGINT NOT NULL,
    alert_id TEXT NOT NULL,
    monitor  TEXT NOT NULL,
    delivery BIGINT NOT NULL REFERENCES deliveries (number),
    PRIMARY KEY (notice, receiver, round)
) WITHOUT ROWID;
CREATE INDEX tellings_by_alert ON tellings (alert_id, receiver, delivery);
CREATE INDEX tellings_by_delivery ON tellings (delivery);
CREATE INDEX tellings_by_monitor ON tellings (monitor, delivery);

CREATE TABLE silences (
    id         TEXT PRIMARY KEY,
    scope      TEXT NOT NULL,
    starts_at  BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    rrule      TEXT,
    tz         TEXT,
    by         TEXT NOT NULL,
    note       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT -- when somebody ended it
);

CREATE TABLE acknowledgements (
    alert_id TEXT PRIMARY KEY,
    by       TEXT NOT NULL,
    note     TEXT NOT NULL,
    at       BIGINT NOT NULL
);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at     BIGINT NOT NULL,
    who    TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT, -- JSON
    after  TEXT -- JSON
);
CREATE INDEX audit_by_target ON audit (target, number);
CREATE INDEX audit_by_time ON audit (at);
