"""The audit trail as something that can be read, and what has no transaction of its own to be recorded in."""
