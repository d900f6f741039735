"""The command `soma`: a client of the server, and the way to start it."""
