-- Where the next pull begins: behind this key. NULL: at the oldest span the service still has.
CREATE TABLE poller_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_key BLOB
) STRICT;

INSERT INTO poller_state (id, last_key) VALUES (1, NULL);
