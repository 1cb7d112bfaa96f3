"""mmcv's own tests of its ops, on the kernels that stand in for the compiled ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MMCV_TESTS = os.environ.get("MMISR_MMCV_TESTS")
FILES = ("test_modulated_deform_conv.py", "test_deform_conv.py", "test_roi_align.py", "test_roi_pool.py")


@pytest.mark.skipif(MMCV_TESTS is None, reason="MMISR_MMCV_TESTS does not name the folder tests/test_ops of mmcv")
def test_mmcvs_own_op_tests_pass():
    folder = Path(str(MMCV_TESTS))
    start = (
        "import sys, pytest; from mmisr.openmmlab.stack import prepare; prepare(); sys.exit(pytest.main(sys.argv[1:]))"
    )
    files = [str(folder / name) for name in FILES]
    root = str(Path(__file__).parents[2])
    place = {**os.environ, "PYTHONPATH": root}
    command = [sys.executable, "-c", start, "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", *files]
    done = subprocess.run(command, cwd=folder.parents[1], env=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
