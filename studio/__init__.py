"""Junjo AI Studio's backend: the composition root, its settings and its command line."""

__version__ = "0.1.0"
