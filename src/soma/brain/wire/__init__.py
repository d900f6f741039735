"""Shapes on the wire: what requests hold, and how a malformed one is refused."""
