-- The index of sealed spans: what lists, filters and sums read. Whole spans are in the segments.
--
-- Append-only tables without keys: an index of DuckDB's costs memory for every row and is where its crash recovery is
-- weakest. Rows come in about the order of their time, so that zone maps find a trace or an hour by themselves.

-- One row for each sealed file, written in the transaction that makes its spans visible here.
CREATE TABLE segment (
    segment UINTEGER NOT NULL,
    file VARCHAR NOT NULL, -- name inside the segments folder
    rows UINTEGER NOT NULL,
    bytes UBIGINT NOT NULL,
    first_seq UBIGINT NOT NULL,
    last_seq UBIGINT NOT NULL,
    first_start_time_unix_nano UBIGINT NOT NULL,
    last_start_time_unix_nano UBIGINT NOT NULL
);

CREATE TABLE segment_service (
    segment UINTEGER NOT NULL,
    service_name VARCHAR NOT NULL,
    span_count UINTEGER NOT NULL
);

CREATE TABLE span (
    segment UINTEGER NOT NULL,
    position UINTEGER NOT NULL, -- row in the segment's file
    seq UBIGINT NOT NULL, -- number of the span in the order of arrival
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR, -- NULL for a root
    service_name VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    kind INTEGER NOT NULL,
    start_time_unix_nano UBIGINT NOT NULL,
    end_time_unix_nano UBIGINT NOT NULL,
    status_code INTEGER NOT NULL,
    junjo_span_type VARCHAR,
    junjo_id VARCHAR,
    junjo_parent_id VARCHAR,
    openinference_span_kind VARCHAR,
    gen_ai_operation_name VARCHAR,
    model VARCHAR,
    provider VARCHAR,
    input_tokens BIGINT, -- cached ones included
    output_tokens BIGINT, -- reasoning included
    cache_read_tokens BIGINT,
    cache_write_tokens BIGINT,
    reasoning_tokens BIGINT,
    cost DOUBLE, -- US dollars, as the sender stated it
    session_id VARCHAR,
    user_id VARCHAR
);

-- One row for each trace and segment: what that segment has of the trace. The view `trace` adds them up, so that a
-- summary is right however late and in whatever order the spans of a trace arrive, and no row is ever rewritten.
CREATE TABLE trace_part (
    segment UINTEGER NOT NULL,
    trace_id VARCHAR NOT NULL,
    start_time_unix_nano UBIGINT NOT NULL, -- earliest of the part
    end_time_unix_nano UBIGINT NOT NULL, -- latest
    span_count UINTEGER NOT NULL,
    error_count UINTEGER NOT NULL,
    llm_count UINTEGER NOT NULL, -- spans of OpenInference kind LLM
    input_tokens BIGINT,
    output_tokens BIGINT,
    cost DOUBLE,
    root_span_id VARCHAR, -- of the earliest span without a parent, if the part has one
    root_name VARCHAR,
    root_service_name VARCHAR,
    root_start_time_unix_nano UBIGINT
);

CREATE VIEW trace AS
SELECT
    trace_id,
    min(start_time_unix_nano) AS start_time_unix_nano,
    max(end_time_unix_nano) AS end_time_unix_nano,
    sum(span_count) AS span_count,
    sum(error_count) AS error_count,
    sum(llm_count) > 0 AS has_llm,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cost) AS cost,
    arg_min(root_span_id, root_start_time_unix_nano) AS root_span_id,
    arg_min(root_name, root_start_time_unix_nano) AS root_name,
    arg_min(root_service_name, root_start_time_unix_nano) AS root_service_name
FROM trace_part
GROUP BY trace_id;
