"""Users, passwords, sign-in and sessions."""
