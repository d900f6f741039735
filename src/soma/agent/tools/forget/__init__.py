"""Forgetting as a tool: find what a request names, list it without secrets, and erase it after a yes."""
