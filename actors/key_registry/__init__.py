"""API keys: issue, verify, revoke."""
