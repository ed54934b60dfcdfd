-- The trail is read newest first, of everybody or by who did what and what came of it: each has an index that holds the
-- order of a page, and what else it may be asked for, so that no page sorts or looks through the rows themselves.
DROP INDEX audit_trail_at;
CREATE INDEX audit_trail_at ON audit_trail (at, id);
CREATE INDEX audit_trail_user_id ON audit_trail (user_id, at, id, action, outcome);
CREATE INDEX audit_trail_user_email ON audit_trail (user_email, at, id, action, outcome);
CREATE INDEX audit_trail_action ON audit_trail (action, at, id, outcome);
CREATE INDEX audit_trail_outcome ON audit_trail (outcome, at, id);

-- Rows are only ever added. Those beyond the horizon may go, which is nowhere but inside the transaction of a sweep.
CREATE TABLE audit_horizon (
  before INTEGER, -- Unix seconds
  failed_up_to INTEGER -- id, of failed and refused sign-ins
) STRICT;
INSERT INTO audit_horizon VALUES (NULL, NULL);

CREATE TRIGGER audit_trail_no_update BEFORE UPDATE ON audit_trail
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

CREATE TRIGGER audit_trail_no_delete BEFORE DELETE ON audit_trail
WHEN NOT EXISTS (
  SELECT 1 FROM audit_horizon
  WHERE OLD.at < before OR (OLD.action = 'auth_sign_in_failed' AND OLD.id <= failed_up_to)
)
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

CREATE TRIGGER audit_trail_no_replace BEFORE INSERT ON audit_trail
WHEN EXISTS (SELECT 1 FROM audit_trail WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;

-- Users and keys that came to an end, for as long as the file lasts: an import must not bring them back, however long
-- ago that was.
CREATE TABLE audit_ended (
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  PRIMARY KEY (resource_type, resource_id)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO audit_ended
SELECT resource_type, resource_id FROM audit_trail
WHERE action = 'delete' AND outcome = 'ok' AND resource_type IN ('user', 'api_key') AND resource_id IS NOT NULL;

CREATE TRIGGER audit_trail_ended AFTER INSERT ON audit_trail
WHEN NEW.action = 'delete' AND NEW.outcome = 'ok' AND NEW.resource_type IN ('user', 'api_key')
  AND NEW.resource_id IS NOT NULL
BEGIN INSERT OR IGNORE INTO audit_ended VALUES (NEW.resource_type, NEW.resource_id); END;

-- What the settings were at the last start, secrets as a digest under a key that is not in this file.
CREATE TABLE audit_settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
