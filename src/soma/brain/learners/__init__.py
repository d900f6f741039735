"""Learners: the state of each (tenant, agent), and how it is kept, explained, replayed and taken back."""
