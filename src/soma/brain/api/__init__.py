"""The brain over HTTP: one error shape at every endpoint."""
