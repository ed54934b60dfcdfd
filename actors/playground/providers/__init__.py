"""One adapter per vendor, on its own SDK."""
