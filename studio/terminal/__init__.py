"""What a running studio knows, in a terminal: thin over the REST API."""
