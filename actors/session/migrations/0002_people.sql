-- Roles: users from before are admins, because they could do everything.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin' CHECK (role IN ('admin', 'member'));
ALTER TABLE users ADD COLUMN last_sign_in_at INTEGER; -- NULL: never, or before this was recorded

-- Where a session was opened, to be shown to its user.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
