"""Vectors kept elsewhere than in this process, one store a file, behind the port of `nearest`."""
