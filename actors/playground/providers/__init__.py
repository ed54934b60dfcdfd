"""One adapter per provider, on its own SDK."""
