"""The agent: conversations and turns, tools and policy. It reaches memory only through the brain."""
