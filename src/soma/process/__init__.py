"""What every process of Soma does alike; it knows nothing of what a process is for."""
