"""Spans that are durable in the WAL and not flushed yet."""
