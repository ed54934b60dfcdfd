"""Queries, exports and the threads that run them."""
