-- Who changed what. Rows are only ever added; they outlive the users and keys they name.
CREATE TABLE audit_trail (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL, -- Unix seconds
  action TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT,
  user_email TEXT NOT NULL,
  user_id TEXT NOT NULL,
  session_id TEXT,
  details TEXT NOT NULL -- JSON object
) STRICT;

CREATE INDEX audit_trail_at ON audit_trail (at);
