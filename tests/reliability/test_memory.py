"""Memory: many images take what few take, and what is kept of each.

Sizes never seen before leave nothing behind.

Small numbers in every test run; those of the documentation with ``MMISR_LONG=1 python -m pytest
tests/reliability/test_memory.py``.
"""

import ctypes
import gc
import os
import random
from pathlib import Path

import pytest
import torch

from mmisr.apis.compare import compare
from mmisr.apis.export import export_sr
from mmisr.apis.inferencer import SRDetInferencer
from mmisr.apis.test import test as run_test
from mmisr.registry import MODELS

LONG = os.environ.get("MMISR_LONG") == "1"
FEW, MANY = (100, 500) if LONG else (4, 24)
SIDE = 128
RECORD = 32_000
"""Bytes that an image may leave.

Twenty boxes, their scores, labels and areas, as arrays, as lists and as JSON.
"""

SR_IMAGE = 3 * (2 * SIDE) ** 2 * 4
"""Bytes of one SR image as it is computed; of every image one kept would show."""

SLACK = 8 * SR_IMAGE
"""What the allocator may do."""

UPSCALES = 300 if LONG else 60
STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which Linux has")


def resident(kind: str = "VmRSS") -> int:
    """Bytes of this process that are in memory, now (``VmRSS``) or at most (``VmHWM``)."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith(f"{kind}:")]
    return 1024 * int(line.split()[1])


def trim() -> None:
    """Give back what is free, so that what stays is in use."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


def peak(work) -> int:
    """Bytes that a piece of work took beyond what there was, at most."""
    trim()
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts anew
    before = resident()
    work()
    return resident("VmHWM") - before


def through_test(config, checkpoint, out):
    run_test(config, checkpoint, str(out))


def through_compare(config, checkpoint, out):
    compare(config, ["bicubic"], out, str(checkpoint), device="cpu", replicates=10)


def through_export(config, checkpoint, out):
    export_sr(config, out)


def through_infer(config, checkpoint, out):
    infer = SRDetInferencer(config, checkpoint, device="cpu", show_progress=False)
    infer(infer.cfg.test_dataloader.dataset.data_root, out_dir=str(out), save_sr=True)


@pytest.mark.parametrize("work", [through_test, through_compare, through_export, through_infer])
def test_many_images_take_what_few_take(cheap_pair, apart, tmp_path, work):
    pairs = {count: cheap_pair(count, SIDE) for count in (FEW, MANY)}
    limit = (MANY - FEW) * RECORD + SLACK

    def measured(count: int, out: str) -> int:
        return apart(lambda: peak(lambda: work(*pairs[count], tmp_path / out))).result()

    took = {count: measured(count, f"out{count}") for count in pairs}
    if took[MANY] - took[FEW] >= limit:
        # What is kept of an image shows every time; what the allocator does on a busy machine does
        # not.
        took[MANY] = measured(MANY, "again")
    print(
        f"{work.__name__}: "
        + ", ".join(f"{count} images {took[count] / 2**20:.1f} MiB" for count in took)
    )
    assert took[FEW] > SR_IMAGE, "the work was done, and seen"
    assert took[MANY] - took[FEW] < limit
    assert 1.5 * limit < (MANY - FEW) * SR_IMAGE, "an image kept would show"


def upscales(count: int) -> tuple[int, int]:
    """Bytes in use after a half of the upscales, and after all; no size comes twice."""
    torch.manual_seed(0)
    editor = MODELS.build({"type": "mmisr.InstanceSR", "scale": 4, "size": "nano"}).eval()
    sides = [(h, w) for h in range(17, 64) for w in range(17, 64)]
    marks = []
    with torch.no_grad():
        for number, (h, w) in enumerate(random.Random(0).sample(sides, count), 1):
            assert editor.upscale(torch.rand(1, 3, h, w)).image.shape[-2:] == (4 * h, 4 * w)
            if number in (count // 2, count):
                trim()
                marks.append(resident())
    return tuple(marks)


def test_upscales_of_varied_sizes_do_not_grow(apart):
    half, whole = apart(lambda: upscales(UPSCALES)).result()
    print(
        f"{UPSCALES} upscales: {half / 2**20:.1f} MiB after a half, {whole / 2**20:.1f} MiB after "
        f"all"
    )
    assert whole - half < 8 * 2**20
