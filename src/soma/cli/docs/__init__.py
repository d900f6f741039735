"""Documentation pages that are generated from the code: `make docs`."""
