"""Soma: an agent server that learns from every interaction and can prove what it learned."""

import os

# BLAS and OpenMP read these once, when numpy is first loaded: at our sizes a second thread costs more than it does
# (a matrix-vector product of 10,000 x 384 takes 8 ms with two threads and 0.2 ms with one).
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
