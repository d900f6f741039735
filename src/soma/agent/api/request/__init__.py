"""A REST request, read and checked: its caller, its body, its query."""
