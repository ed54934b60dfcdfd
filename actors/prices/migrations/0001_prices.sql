CREATE TABLE prices (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of their making
  id TEXT NOT NULL UNIQUE,
  model TEXT NOT NULL, -- pattern
  provider TEXT, -- NULL: any
  valid_from INTEGER NOT NULL, -- Unix nanoseconds
  input REAL NOT NULL, -- US dollars for a million tokens, as all others
  output REAL NOT NULL,
  cache_read REAL,
  cache_write REAL,
  created_at INTEGER NOT NULL -- Unix nanoseconds
) STRICT;

-- Wishes that stored spans be priced anew. They stay when the price goes: the span store has done what it did.
CREATE TABLE restatements (
  revision INTEGER PRIMARY KEY AUTOINCREMENT,
  since INTEGER NOT NULL -- Unix nanoseconds
) STRICT;
