"""Spans in, queries out."""
