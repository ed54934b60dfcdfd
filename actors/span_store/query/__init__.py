"""Questions about spans: one expression, and its interpreters."""
