"""Benchmarks: the commands of `soma bench`. They may enter brain.core; no other package enters them."""

import soma.memory  # noqa: F401 - pins the threads of numpy's BLAS, which must happen before numpy loads
