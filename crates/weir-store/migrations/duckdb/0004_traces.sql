-- One row for each trace: what lists of traces are sorted by. A trace with a pause of many hours may have several.

CREATE TABLE traces (
    key             UBIGINT NOT NULL,   -- the number that the last 16 digits of the trace's id are
    start_time      TIMESTAMP NOT NULL, -- of its first span
    last_start_time TIMESTAMP NOT NULL, -- of its last span
    end_us          BIGINT NOT NULL,    -- when the last of its spans to end did, since 1970
    duration_us     BIGINT NOT NULL,    -- from its start to its end
    spans           BIGINT NOT NULL,
    calls           BIGINT NOT NULL,    -- those that count
    tokens          BIGINT NOT NULL,    -- of its calls, in and out
    priced_calls    BIGINT NOT NULL,
    cost_nano_usd   BIGINT NOT NULL     -- of its priced calls
);

INSERT INTO traces
SELECT key, min(start_time), max(start_time), max(end_us), max(end_us) - epoch_us(min(start_time)), count(*),
    count(*) FILTER (WHERE is_call),
    coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (WHERE is_call), 0)::BIGINT,
    count(cost_nano_usd) FILTER (WHERE is_call),
    coalesce(sum(cost_nano_usd) FILTER (WHERE is_call), 0)::BIGINT
FROM (
    SELECT *, ('0x' || right(trace_id, 16))::UBIGINT AS key,
        epoch_us(start_time) + least(duration_us, 1000000000000000000) AS end_us,
        kind IN ('llm', 'embedding', 'rerank') AND same_as IS NULL AS is_call
    FROM spans
)
GROUP BY key;
