"""Spans as Arrow columns: what is stored of a span, and how it is written as JSON."""
