"""Figures by commands that stay. May enter brain.core; nothing enters it."""

import soma.memory  # noqa: F401 - pins the threads of numpy's BLAS, which must happen before numpy loads
