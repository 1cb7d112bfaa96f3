"""Memory of the process: keep what is freed, and measure what a call takes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""What glibc's ``mallopt`` calls them."""

NEVER = -1
LARGEST_KEPT = (2**30, 2**25)
"""Bytes; a block that is larger still goes back to the system when it is freed. glibc before 2.35
takes no more than the second."""

OWN_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed for the next that asks, as long as the process lives.

    glibc gives large blocks back to the system when they are freed. The feature maps of a network
    are large blocks: layer by layer the system would hand out the same memory and clear it anew.
    On the CPU that is up to half of the time that a detector takes. Results stay the same; what the
    process holds at most grows by what lies between the blocks.

    For commands that only infer, when they begin: it is for the whole process.

    Returns:
        Whether it was done. It is not where there is no glibc, and not where the environment sets
        ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_``.
    """
    is_set = any(name in os.environ for name in OWN_SETTINGS)
    if is_set or not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        # Without a threshold of ours the C library raises its own as blocks are freed, and stops
        # doing so once trimming is set: the second alone would make things worse.
        is_taken = any(mallopt(M_MMAP_THRESHOLD, size) for size in LARGEST_KEPT)
        return is_taken and bool(mallopt(M_TRIM_THRESHOLD, NEVER))
    return False


def peak_mb(call: Callable[[], Any], device: torch.device | None = None) -> float | None:
    """Megabytes that a call takes beyond what was held before; None where the system cannot say.

    Args:
        call: What to measure; what it returns is dropped.
        device: Where it works: on a GPU it is what torch allocates there, elsewhere what the
            process has in memory, which Linux tells; None for the current GPU where there is one.
    """
    if device is None and torch.cuda.is_available():
        device = torch.device("cuda")
    if device is not None and device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    held = _begin_anew()
    call()
    if held is None:
        return None
    return max(_status("VmHWM") - held, 0.0) / 1024


def _begin_anew() -> float | None:
    """Kilobytes in memory, the high-water mark set to them; None where the system cannot."""
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        # Freed memory that the allocator keeps would hide what a call takes.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    return None


def _status(field: str) -> float:
    """Kilobytes of one line of the process's own status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return float(line.split()[1])
    raise OSError(f"/proc/self/status has no {field}")
