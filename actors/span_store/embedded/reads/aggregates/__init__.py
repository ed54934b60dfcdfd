"""Answers about many spans together: lists of traces, sums, values."""
