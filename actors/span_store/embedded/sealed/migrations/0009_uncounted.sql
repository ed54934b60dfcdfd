-- By which it is decided which span of each model call counts, see traces/counting.py.
ALTER TABLE span ADD COLUMN scope VARCHAR; -- name of the library that made the span
ALTER TABLE span ADD COLUMN has_content INTEGER; -- of a model call: 1 with what was asked or answered, else 0

-- Spans of model calls that do not count, because others of their trace describe the same call. A row is written, or goes,
-- in the transaction that changes what is sealed of the trace.
CREATE TABLE uncounted (
    seq UBIGINT NOT NULL,
    segment UINTEGER NOT NULL,
    trace_id VARCHAR NOT NULL
);
