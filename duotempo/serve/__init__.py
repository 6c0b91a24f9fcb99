"""Serving: HTTP that OpenAI's clients speak, MCP, memory routes."""
