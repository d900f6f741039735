"""Figures by commands that stay. May enter brain.core; nothing enters it."""
