"""Every fact that Soma records, a file a context. Names and fields are promises: stored examples are tests."""
