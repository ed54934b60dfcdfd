-- A key belongs to whoever made it, until it is handed over.
ALTER TABLE api_keys ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN owner_email TEXT NOT NULL DEFAULT '';
UPDATE api_keys SET owner_id = created_by_id, owner_email = created_by;

ALTER TABLE api_keys ADD COLUMN expires_at INTEGER; -- Unix microseconds; NULL: never
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER; -- Unix microseconds; NULL: never, or before this was recorded
ALTER TABLE api_keys ADD COLUMN replaced_by TEXT; -- id of the key that it was rotated to
ALTER TABLE api_keys ADD COLUMN sealed BLOB; -- the whole key, encrypted, where JUNJO_REVEAL_API_KEYS=true

-- Keys that are gone, so that a program that still has one learns what is wrong. The newest 10,000.
CREATE TABLE ended_keys (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of their ends
  digest BLOB NOT NULL UNIQUE, -- SHA-256 of the secret
  ended_at INTEGER NOT NULL -- Unix seconds
) STRICT;
