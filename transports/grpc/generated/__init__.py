"""Written by scripts/generate-protobuf from proto/; never edited."""
