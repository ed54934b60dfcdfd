"""Parts that every route shares: routing, middleware, validation, OpenAPI, cookies and the server."""
