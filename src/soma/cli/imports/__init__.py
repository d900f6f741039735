"""Imports: files and folders of this machine become memories."""
