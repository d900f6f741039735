"""Messages for malformed or invalid input, shared by all endpoints. Pure."""
