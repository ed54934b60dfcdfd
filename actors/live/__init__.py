"""Live: what comes in, to whoever follows it."""
