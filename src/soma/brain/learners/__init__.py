"""What each agent has learned: its state, how it is kept, explained, replayed and taken back."""
