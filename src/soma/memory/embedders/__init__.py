"""Embedders: texts to vectors, one text at a time. One adapter a file behind `base.Embedder`."""
