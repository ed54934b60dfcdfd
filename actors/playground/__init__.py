"""LLM runs on OpenAI, Anthropic and Gemini, streamed, cancelled exactly, each stored as a trace."""
