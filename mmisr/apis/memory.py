"""What a command that only infers does first, see :mod:`mmisr.ops.memory`."""

from mmisr.ops.memory import keep_freed_memory

__all__ = ["keep_freed_memory"]
