CREATE TABLE api_keys (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of issue
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE, -- SHA-256 of the secret
  masked TEXT NOT NULL,
  scopes TEXT NOT NULL, -- names, separated by spaces
  created_at INTEGER NOT NULL, -- Unix seconds
  created_by TEXT NOT NULL, -- e-mail; a key outlives the user who made it
  created_by_id TEXT NOT NULL
) STRICT;
