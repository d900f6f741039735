"""The front of the web server: the gate, bounded requests, the page at `/`."""
