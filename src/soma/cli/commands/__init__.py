"""The commands of `soma`, one a module."""
