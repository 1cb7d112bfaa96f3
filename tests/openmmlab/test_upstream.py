"""The tests of mmcv's ops on the kernels that stand in, and of mmagic's restoration editors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MMCV_TESTS = os.environ.get("MMISR_MMCV_TESTS")
MMAGIC_TESTS = os.environ.get("MMISR_MMAGIC_TESTS")
OPS = (
    "test_modulated_deform_conv.py",
    "test_deform_conv.py",
    "test_roi_align.py",
    "test_roi_pool.py",
)
EDITORS = (
    *(
        "edsr",
        "rdn",
        "srcnn",
        "srgan",
        "esrgan",
        "real_esrgan",
        "swinir",
        "liif",
        "ttsr",
        "edvr",
        "basicvsr",
        "tdan",
        "tof",
    ),
    *(
        "basicvsr_plusplus_net",
        "nafnet",
        "restormer",
        "duf",
        "iconvsr",
        "real_basicvsr",
        "glean",
        "dic",
    ),
)
DOWNLOADS = (
    *("test_srgan/test_srgan.py::test_srgan_resnet", "test_esrgan/test_esrgan.py::test_esrgan"),
    *(
        "test_real_esrgan/test_real_esrgan.py::test_real_esrgan",
        "test_ttsr/test_ttsr.py::test_ttsr",
    ),
    *(
        "test_real_basicvsr/test_real_basicvsr.py::test_real_basicvsr",
        "test_glean/test_glean_styleganv2.py::test_glean",
    ),
)
"""They fetch the weights of a VGG."""
START = (
    "import sys, pytest; from mmisr.openmmlab.stack import prepare; prepare(); "
    "sys.exit(pytest.main(sys.argv[1:]))"
)


def passes(folder: Path, *arguments: str) -> None:
    """Run tests of another project in a process that has prepared the stack as our tools do."""
    command = [
        sys.executable,
        "-c",
        START,
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={folder}",
        *arguments,
    ]
    place = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.skipif(
    MMCV_TESTS is None, reason="MMISR_MMCV_TESTS does not name the folder tests/test_ops of mmcv"
)
def test_mmcvs_own_op_tests_pass():
    folder = Path(str(MMCV_TESTS))
    passes(folder.parents[1], *(str(folder / name) for name in OPS))


@pytest.mark.skipif(
    MMAGIC_TESTS is None, reason="MMISR_MMAGIC_TESTS does not name the folder tests of mmagic"
)
def test_mmagics_own_restoration_tests_pass():
    root = Path(str(MMAGIC_TESTS)).parent
    editors = f"{Path(str(MMAGIC_TESTS)).name}/test_models/test_editors"
    left_out = [f"--deselect={editors}/{name}" for name in DOWNLOADS]
    passes(root, *left_out, *(f"{editors}/test_{name}" for name in EDITORS))
