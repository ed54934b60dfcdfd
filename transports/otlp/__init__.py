"""OTLP, in protobuf and JSON: requests become spans, and spans become lines."""
