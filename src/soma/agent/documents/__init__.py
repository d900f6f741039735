"""Documents on disk: the folders of tenants, and bytes as text."""
