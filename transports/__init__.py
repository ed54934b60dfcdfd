"""HTTP and gRPC: requests become messages, replies become answers."""
