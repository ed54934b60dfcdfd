"""Stored LLM spans, in any convention, as prompts that can be run again."""
