"""The gRPC servers on grpclib: OTLP, and key validation for external ingestion services."""
