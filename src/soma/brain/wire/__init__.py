"""Shapes of requests to the brain, how they are decoded, and how a malformed one is refused."""
