"""Adapters of providers: the chat-completions wire, its chunks and its errors, read without trust."""
