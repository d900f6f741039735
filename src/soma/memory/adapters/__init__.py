"""Where vectors are when this process does not hold them, one place a file, behind the port `index.vectors`."""
