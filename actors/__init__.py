"""The actors: what the studio does, free of HTTP and gRPC."""
