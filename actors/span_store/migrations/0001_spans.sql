-- Append-only tables without keys or indexes: an index costs memory for every row and is where crash recovery is
-- weakest. Rows come in about the order of their time, so that DuckDB's zone maps find a trace or an hour by themselves.

-- What lists, filters and sums read. `seq` numbers the spans in the order of their arrival.
CREATE TABLE span (
    seq UBIGINT NOT NULL,
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

-- What is read for the few spans that an answer shows. The _json columns hold compact JSON text.
CREATE TABLE body (
    seq UBIGINT NOT NULL,
    status_message VARCHAR NOT NULL,
    trace_state VARCHAR NOT NULL,
    flags UINTEGER NOT NULL,
    attributes_json VARCHAR NOT NULL,
    events_json VARCHAR NOT NULL,
    links_json VARCHAR NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL,
    dropped_events_count UINTEGER NOT NULL,
    dropped_links_count UINTEGER NOT NULL,
    resource_json VARCHAR NOT NULL,
    scope_json VARCHAR NOT NULL,
    exact_json VARCHAR
);

-- One row for each trace and commit: what that commit added to the trace. The view `trace` adds them up, so that a
-- summary is right however late and in whatever order the spans of a trace arrive, and no row is ever rewritten.
CREATE TABLE trace_part (
    trace_id VARCHAR NOT NULL,
    start_time_unix_nano UBIGINT NOT NULL, -- earliest of the part
    end_time_unix_nano UBIGINT NOT NULL, -- latest
    latest_start_time_unix_nano UBIGINT NOT NULL,
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
