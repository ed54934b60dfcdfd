"""Flushed spans: Parquet segments and their index."""
