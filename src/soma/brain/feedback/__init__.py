"""Feedback, of people and of iterations: what it means, how it is learned from once, and how it is taken back."""
