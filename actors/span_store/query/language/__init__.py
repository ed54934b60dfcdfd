"""The filter language: its grammar, its fields, and what a text of it means."""
