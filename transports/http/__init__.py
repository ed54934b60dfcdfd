"""aiohttp: the REST API and OTLP over HTTP."""
