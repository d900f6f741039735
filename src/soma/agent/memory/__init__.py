"""What of finished turns is remembered, and what is forgotten again; through the brain."""
