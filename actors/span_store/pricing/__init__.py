"""Costs of model calls: prices, and what is computed with them."""
