"""OTLP in protobuf and JSON: requests are decoded to spans, and spans are encoded as lines."""
