"""One adapter for each provider, on the provider's own SDK."""
