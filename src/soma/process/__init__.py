"""Code that all processes of Soma share; it knows nothing of what a process is for."""
