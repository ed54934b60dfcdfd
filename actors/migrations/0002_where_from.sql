-- With which key, from where, in which request, and what came of it. What is older was done, from a place unknown.
ALTER TABLE audit_trail ADD COLUMN key_id TEXT;
ALTER TABLE audit_trail ADD COLUMN address TEXT;
ALTER TABLE audit_trail ADD COLUMN request_id TEXT;
ALTER TABLE audit_trail ADD COLUMN outcome TEXT NOT NULL DEFAULT 'ok' CHECK (outcome IN ('ok', 'refused', 'failed'));

UPDATE audit_trail SET outcome = 'failed' WHERE action = 'auth_sign_in_failed';
UPDATE audit_trail SET address = json_extract(details, '$.address') WHERE action LIKE 'auth_sign_in%';
