"""Who talks: conversations and turns, tools and policy. Reaches memory only through the brain."""
