"""Pulls spans from an external ingestion service, when one is configured."""
