"""soma bench: figures by commands that stay."""

from soma.bench.commands import bench as command

__all__ = ["command"]
