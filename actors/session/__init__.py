"""Users, passwords, sessions and the audit trail."""
