"""Masking: what personal data and secrets in spans are replaced by before they are stored."""
