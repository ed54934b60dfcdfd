CREATE TABLE alerts (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of their making
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  q TEXT NOT NULL, -- filter
  subject TEXT NOT NULL, -- calls, spans, traces
  measure TEXT NOT NULL,
  interval TEXT NOT NULL,
  op TEXT NOT NULL,
  threshold REAL NOT NULL,
  revision INTEGER NOT NULL DEFAULT 0, -- of the condition: what was measured for an earlier one counts for nothing
  webhook TEXT, -- URL
  secret BLOB NOT NULL, -- sealed
  owner_id TEXT NOT NULL,
  owner_email TEXT NOT NULL,
  state TEXT NOT NULL, -- ok, firing, no_data
  value REAL,
  since INTEGER NOT NULL, -- Unix nanoseconds
  checked_at INTEGER -- Unix nanoseconds
) STRICT;

CREATE INDEX alerts_of_owner ON alerts (owner_id);

CREATE TABLE alert_changes (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  at INTEGER NOT NULL, -- Unix nanoseconds
  state TEXT NOT NULL,
  value REAL
) STRICT;

CREATE INDEX alert_changes_of_alert ON alert_changes (alert_id, position);

-- Bodies that are still to be sent to the webhook of their alert, wherever that leads by then.
CREATE TABLE alert_outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  body BLOB NOT NULL, -- JSON
  attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX alert_outbox_of_alert ON alert_outbox (alert_id, position);
