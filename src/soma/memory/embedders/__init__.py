"""Texts become vectors here, one text at a time. One adapter a file behind `base.Embedder`."""
