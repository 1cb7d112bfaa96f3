"""Memory of the process: what is freed is kept where asked, and what a call takes."""

import ctypes
import resource
import sys

import pytest
import torch

from mmisr.ops import memory
from mmisr.ops.memory import (
    M_MMAP_THRESHOLD,
    M_TRIM_THRESHOLD,
    OWN_SETTINGS,
    keep_freed_memory,
    peak_mb,
)

MEBIBYTE = 2**20
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc and /proc")


def faults_of_large_blocks() -> int:
    """Page faults of filling 512 MiB four times over, freed in between.

    Less may fit into what the tests before have left free in this process.
    """
    torch.ones(128 * MEBIBYTE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(128 * MEBIBYTE)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_what_is_freed_is_kept_and_not_faulted_in_again(apart):
    def kept():
        # As a process is that nothing was asked of, whatever the tests before have asked of this.
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, 2**17)
        mallopt(M_MMAP_THRESHOLD, 2**17)
        before = faults_of_large_blocks()
        is_done = keep_freed_memory()
        return before, is_done, faults_of_large_blocks()

    before, is_done, after = apart(kept).result()
    assert is_done
    assert before > 1000
    # In a process with a past the second block may still lie elsewhere than the first.
    assert after < before / 4


def test_a_c_library_that_takes_no_such_threshold_is_left_alone(monkeypatch):
    """glibc before 2.35 takes half of a heap at most, and stops raising its own threshold."""
    calls = []

    class OldLibrary:
        def __init__(self, name):
            pass

        @staticmethod
        def mallopt(what, value):
            calls.append((what, value))
            return what != M_MMAP_THRESHOLD or value <= highest

    monkeypatch.setattr(memory.ctypes, "CDLL", OldLibrary)
    highest = 2**25
    assert keep_freed_memory()
    assert [value for what, value in calls if what == M_MMAP_THRESHOLD] == [2**30, 2**25]
    calls.clear()
    highest = 0
    assert not keep_freed_memory()
    assert all(what == M_MMAP_THRESHOLD for what, _ in calls)


@pytest.mark.parametrize("name", OWN_SETTINGS)
def test_the_environment_goes_first(apart, name):
    assert apart(keep_freed_memory, **{name: "131072"}).result() is False


def test_peak_memory_is_what_the_call_takes():
    assert peak_mb(lambda: torch.ones(16 * MEBIBYTE)) == pytest.approx(64, rel=0.15)


def test_a_call_that_fails_fails():
    with pytest.raises(OSError, match="no such thing"):
        peak_mb(_failing)


def _failing():
    raise OSError("no such thing")
