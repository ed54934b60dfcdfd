"""How long spans are kept, as admins say it."""
