"""The audit trail: reading, retention, and entries without a transaction of their own."""
