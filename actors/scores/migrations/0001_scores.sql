CREATE TABLE scores (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of their making
  id TEXT NOT NULL UNIQUE,
  trace_id TEXT NOT NULL,
  span_id TEXT, -- NULL: the trace as a whole
  name TEXT NOT NULL,
  number REAL, -- the value: a number, or a text
  text TEXT,
  comment TEXT,
  source TEXT NOT NULL, -- human, code, model
  created_at INTEGER NOT NULL, -- Unix nanoseconds
  by_id TEXT NOT NULL,
  by_email TEXT NOT NULL,
  by_key_id TEXT,
  CHECK ((number IS NULL) <> (text IS NULL))
) STRICT;

CREATE INDEX scores_of_trace ON scores (trace_id, name, number, text);
-- Filters find traces by these, without looking into the rows.
CREATE INDEX scores_number ON scores (name, number, trace_id) WHERE number IS NOT NULL;
CREATE INDEX scores_text ON scores (name, text, trace_id) WHERE text IS NOT NULL;
