"""A turn under way: the loop, its steps, and the tasks that run it."""
