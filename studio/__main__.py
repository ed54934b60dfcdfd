"""``python -m studio``."""

from studio.cli import program

program()
