"""Output: values as text for the terminal."""
