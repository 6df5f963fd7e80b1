-- Hour cells as scans read them, which ask for one metric over many days: each day's rows by metric, so that nearly all
-- rows of others are skipped in blocks; sums and histograms as they are, because unpacking integers of 128 bits, of all
-- metrics, took more time than everything else, and packed histograms are no smaller.

CREATE TABLE cells_1h_by_metric (
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
    "sum"     DECIMAL(38, 9) NOT NULL USING COMPRESSION uncompressed,
    "min"     DOUBLE,
    "max"     DOUBLE,
    histogram BLOB USING COMPRESSION uncompressed
);

INSERT INTO cells_1h_by_metric SELECT * FROM cells_1h ORDER BY time_bucket(INTERVAL 1 DAY, time), metric, time;

DROP TABLE cells_1h;

ALTER TABLE cells_1h_by_metric RENAME TO cells_1h;
