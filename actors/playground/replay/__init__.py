"""Stored LLM spans, of whatever convention, as prompts that can be run again."""
