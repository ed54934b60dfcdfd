-- The rule that admins set; without its one row there is none.
CREATE TABLE retention (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seconds REAL, -- NULL: spans of any age stay
  bytes INTEGER -- NULL: however many they take
) STRICT;
