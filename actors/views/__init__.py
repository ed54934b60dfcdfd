"""Saved views of the console."""
