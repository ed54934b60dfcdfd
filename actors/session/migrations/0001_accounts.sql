CREATE TABLE users (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of creation
  id TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL UNIQUE, -- compared exactly: the local part keeps its case
  password_hash TEXT NOT NULL, -- PHC string
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL, -- Unix seconds, as all times here
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE, -- HMAC of the token in the cookie
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  authenticated_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL -- written in batches: may lag by some minutes
) STRICT;

CREATE INDEX sessions_user_id ON sessions (user_id);

-- Failed sign-ins since the last good one, for accounts that exist and for those that do not.
CREATE TABLE sign_in_failures (
  account BLOB PRIMARY KEY, -- HMAC of the e-mail
  failures INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
