"""The prices that admins set."""
