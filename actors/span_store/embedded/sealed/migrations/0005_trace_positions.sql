-- Where in the segment's file the spans of a trace are, so that a trace is read without looking into `span`. They lie
-- together there, the roots apart from the others; in files of earlier versions spans of other traces lie between them.
ALTER TABLE trace_part RENAME TO former_part;

CREATE TABLE trace_part (
    segment UINTEGER NOT NULL,
    trace_id VARCHAR NOT NULL,
    trace_number UBIGINT, -- see 0004
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
    root_start_time_unix_nano UBIGINT,
    first_root UINTEGER, -- positions; NULL without a root
    last_root UINTEGER,
    first_other UINTEGER, -- NULL without a span that has a parent
    last_other UINTEGER
);

INSERT INTO trace_part BY NAME
SELECT former_part.*, first_root, last_root, first_other, last_other
FROM former_part JOIN (
    SELECT
        segment,
        trace_id,
        min(position) FILTER (parent_span_id IS NULL) AS first_root,
        max(position) FILTER (parent_span_id IS NULL) AS last_root,
        min(position) FILTER (parent_span_id IS NOT NULL) AS first_other,
        max(position) FILTER (parent_span_id IS NOT NULL) AS last_other
    FROM span
    GROUP BY segment, trace_id
) AS place USING (segment, trace_id)
ORDER BY segment, start_time_unix_nano;

DROP TABLE former_part;
