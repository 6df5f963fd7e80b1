-- What Weir keeps. Times are UTC; a missing value is NULL. Columns ending in a unit are integers of that unit.

CREATE TABLE spans (
    start_time         TIMESTAMP NOT NULL,
    duration_us        BIGINT NOT NULL,
    trace_id           VARCHAR NOT NULL,
    span_id            VARCHAR NOT NULL,
    parent_id          VARCHAR,
    kind               VARCHAR NOT NULL,
    name               VARCHAR NOT NULL,
    source             VARCHAR NOT NULL,
    status             VARCHAR NOT NULL,
    error_type         VARCHAR,
    error_message      VARCHAR,
    http_status        USMALLINT,
    provider           VARCHAR,
    model              VARCHAR,
    response_model     VARCHAR,
    team               VARCHAR,
    app                VARCHAR,
    agent              VARCHAR,
    session            VARCHAR,
    "user"             VARCHAR,
    env                VARCHAR,
    service            VARCHAR,
    key_id             VARCHAR,
    input_tokens       BIGINT,
    output_tokens      BIGINT,
    cache_read_tokens  BIGINT,
    cache_write_tokens BIGINT,
    reasoning_tokens   BIGINT,
    cost_nano_usd      BIGINT,
    tokens_estimated   BOOLEAN NOT NULL,
    price_version      VARCHAR,
    ttft_us            BIGINT,
    stream             BOOLEAN NOT NULL,
    finish_reason      VARCHAR,
    cache              VARCHAR,
    saved_nano_usd     BIGINT,
    policy             VARCHAR, -- a JSON array of {policy, action, detail}
    input              VARCHAR, -- JSON text, as are the next four
    output             VARCHAR,
    documents          VARCHAR,
    tools              VARCHAR,
    attributes         VARCHAR,
    client             VARCHAR,
    response_id        VARCHAR,
    same_as            VARCHAR  -- the span that holds tokens and cost of the same call; NULL for a call that counts
);

CREATE TABLE scores (
    time      TIMESTAMP NOT NULL,
    trace_id  VARCHAR NOT NULL,
    span_id   VARCHAR,
    name      VARCHAR NOT NULL,
    value     DOUBLE,  -- a number …
    label     VARCHAR, -- … or a label
    judge     VARCHAR NOT NULL,
    rationale VARCHAR,
    tags      MAP(VARCHAR, VARCHAR) NOT NULL, -- those it came with
    -- The tags of its cells: its own, and where it has none those of its span, if that was known when the score came.
    agent     VARCHAR,
    app       VARCHAR,
    env       VARCHAR,
    model     VARCHAR,
    provider  VARCHAR,
    service   VARCHAR,
    team      VARCHAR
);

CREATE TABLE points (
    time  TIMESTAMP NOT NULL,
    name  VARCHAR NOT NULL,
    kind  VARCHAR NOT NULL, -- count, gauge, distribution, set
    value DOUBLE NOT NULL,
    tags  MAP(VARCHAR, VARCHAR) NOT NULL
);

CREATE TABLE events (
    time   TIMESTAMP NOT NULL,
    title  VARCHAR NOT NULL,
    text   VARCHAR NOT NULL,
    level  VARCHAR NOT NULL, -- success, info, warning, error
    source VARCHAR NOT NULL,
    tags   MAP(VARCHAR, VARCHAR) NOT NULL
);

-- Cells. Several rows may have the same metric, time and tags: a cell is their sum, least, greatest and merged histogram.
CREATE TABLE cells_1m (
    metric    VARCHAR NOT NULL,
    time      TIMESTAMP NOT NULL,
    agent     VARCHAR,
    app       VARCHAR,
    env       VARCHAR,
    model     VARCHAR,
    provider  VARCHAR,
    service   VARCHAR,
    team      VARCHAR,
    tags      MAP(VARCHAR, VARCHAR), -- the other tags, by key; NULL when there are none
    "count"   BIGINT NOT NULL,
    "sum"     DECIMAL(38, 9) NOT NULL,
    "min"     DOUBLE,
    "max"     DOUBLE,
    histogram BLOB -- exponential, scale 5; NULL when the metric has none
);

CREATE TABLE cells_1h (
    metric    VARCHAR NOT NULL,
    time      TIMESTAMP NOT NULL,
    agent     VARCHAR,
    app       VARCHAR,
    env       VARCHAR,
    model     VARCHAR,
    provider  VARCHAR,
    service   VARCHAR,
    team      VARCHAR,
    tags      MAP(VARCHAR, VARCHAR),
    "count"   BIGINT NOT NULL,
    "sum"     DECIMAL(38, 9) NOT NULL,
    "min"     DOUBLE,
    "max"     DOUBLE,
    histogram BLOB
);

-- Every tag that a metric was ever seen with; a metric without tags has the tag ''.
CREATE TABLE metric_tags (
    metric VARCHAR NOT NULL,
    tag    VARCHAR NOT NULL
);

-- Where the recorder is. Changed in the transaction of the rows it speaks of.
CREATE TABLE recorder_marks (
    journal_position BIGINT NOT NULL, -- everything up to this position of the journal is in the tables
    rolled_up_to_us  BIGINT,          -- hours before this time are whole in cells_1h; NULL before the first roll-up
    minutes_from_us  BIGINT NOT NULL  -- minutes before this time are gone from cells_1m
);

INSERT INTO recorder_marks VALUES (0, NULL, 0);
