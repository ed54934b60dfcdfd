CREATE TABLE views (
  position INTEGER PRIMARY KEY AUTOINCREMENT, -- order of their making
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  page TEXT NOT NULL, -- traces, live, sessions, dashboard, sql
  parameters TEXT NOT NULL, -- of the page's address
  shared INTEGER NOT NULL, -- 1: everybody sees it
  owner_id TEXT NOT NULL,
  owner_email TEXT NOT NULL,
  created_at INTEGER NOT NULL, -- Unix nanoseconds
  UNIQUE (owner_id, page, name)
) STRICT;
