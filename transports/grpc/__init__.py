"""grpclib: OTLP over gRPC and key validation for ingestion services."""
