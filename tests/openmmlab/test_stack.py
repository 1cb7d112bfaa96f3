"""The door, each time in a process of its own, because what is imported first decides.

Where torch and mmengine do not matter, the process is forked from one that has them: see
``preloaded.py``.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmisr.openmmlab.stack import PACKAGES, StackError, first_line, has_compiled_ops

ROOT = Path(__file__).parents[2]

PREPARE = """
from mmisr.openmmlab.stack import StackError, has_compiled_ops, prepare
try:
    prepare()
except StackError as error:
    print(error)
"""


def output_of(code: str, *extra_path: Path) -> list[str]:
    """Lines that code prints in a fresh interpreter; ``extra_path`` is found before all else."""
    path = os.pathsep.join(map(str, (*extra_path, ROOT)))
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


TYPES = [
    ("MODELS", "EDSRNet"),
    ("MODELS", "MSRResNet"),
    ("MODELS", "RRDBNet"),
    ("MODELS", "RDNNet"),
    ("MODELS", "SRCNNNet"),
    ("MODELS", "SwinIRNet"),
    ("MODELS", "NAFNet"),
    ("MODELS", "Restormer"),
    ("MODELS", "RealESRGAN"),
    ("MODELS", "PerceptualLoss"),
    ("MODELS", "L1Loss"),
    ("METRICS", "PSNR"),
    ("TRANSFORMS", "PackInputs"),
    ("DATASETS", "BasicImageDataset"),
]


EVERYTHING = f"""
import sys
import mmcv
before = mmcv.__version__
from mmisr.openmmlab.stack import prepare
prepare()
prepare()
import mmagic.registry
modules = [getattr(mmagic.registry, kind).get(name).__module__ for kind, name in {TYPES}]
import numpy
import mmdet.models, mmdet.apis
import mmagic.models.archs, mmagic.models.editors.edsr, mmagic.models.editors.swinir
import mmagic.datasets.transforms, mmagic.evaluation, mmagic.visualization, mmagic.structures
import mmagic.models.losses, mmagic.engine
from mmagic.models.editors import RRDBNet
print(*modules)
print("version", mmcv.__version__ == before)
print("lazy", "mmagic.models.editors.vico" not in sys.modules)
print("diffusers", "diffusers" in sys.modules)
print("bool8", numpy.bool8 is numpy.bool_)
print("attribute", mmagic.models.editors.edsr.EDSRNet.__name__, RRDBNet.__name__)
try:
    from mmagic.models.editors import Nothing
except ImportError as error:
    print("missing", "Nothing" in str(error))
"""


@pytest.fixture
def output_beside_torch(preloaded):
    """As ``output_of``, in a process that has torch and mmengine already."""

    def run(code: str, *extra_path: Path) -> list[str]:
        result = preloaded(code, *extra_path)
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()

    return run


def assert_from_mmagic(modules: str) -> None:
    assert len(modules.split()) == len(TYPES)
    assert all(module.startswith("mmagic.") for module in modules.split())


def test_everything_imports_together_and_leaves_no_trace():
    *_, modules, version, lazy, diffusers, alias, attribute, missing = output_of(EVERYTHING)
    assert_from_mmagic(modules)
    assert [version, lazy, diffusers, alias, attribute, missing] == [
        "version True",
        "lazy True",
        f"diffusers {importlib.util.find_spec('diffusers') is not None}",
        "bool8 True",
        "attribute EDSRNet RRDBNet",
        "missing True",
    ]


def test_mmagic_types_resolve_through_mmisrs_registry_in_a_fresh_process(output_beside_torch):
    code = f"""
import mmisr.registry as registry
print(*(getattr(registry, kind).get("mmagic." + name).__module__ for kind, name in {TYPES}))
"""
    assert_from_mmagic(output_beside_torch(code)[-1])


def test_an_installed_diffusers_is_left_alone(output_beside_torch, tmp_path):
    package = tmp_path / "diffusers"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from . import models, pipelines, schedulers\nclass DiffusionPipeline: pass\nINSTALLED = "
        "'the real one'\n"
    )
    (package / "models" / "__init__.py").write_text("class AutoencoderKL: pass\n")
    (package / "models" / "attention.py").write_text("class BasicTransformerBlock: pass\n")
    (package / "pipelines.py").write_text("")
    (package / "schedulers.py").write_text("")
    code = f"""{PREPARE}
import diffusers
from mmagic.registry import MODELS
print(diffusers.INSTALLED, "AutoencoderKL" in MODELS)
"""
    assert output_beside_torch(code, tmp_path)[-1] == "the real one True"


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_named_in_one_line(output_beside_torch, name):
    (line,) = output_beside_torch(f"import sys\nsys.modules[{name!r}] = None\n{PREPARE}")
    assert line.startswith(
        f"the Python package `{name}` is not installed: pip install {PACKAGES[name]}"
    )


@pytest.mark.parametrize(
    ("package", "text", "said"),
    [
        (
            "torchvision",
            "raise RuntimeError('operator torchvision::nms does not exist')",
            "(RuntimeError: operator torchvision::nms does not exist); torch and torchvision do "
            "not fit together",
        ),
        ("mmdet", "import not_there", "pip install not_there"),
        (
            "mmdet",
            "assert False, 'MMCV==1.7 is incompatible'",
            "AssertionError: MMCV==1.7 is incompatible",
        ),
        ("mmcv", "__version__ = '2.0.1'", "mmcv-lite"),
    ],
)
def test_a_package_that_does_not_fit_is_named_in_one_line(
    output_beside_torch, tmp_path, package, text, said
):
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(text)
    output = output_of if package == "torchvision" else output_beside_torch
    (line,) = output(PREPARE, tmp_path)
    assert said in line


def test_first_line_of_an_error():
    assert first_line(ValueError()) == "ValueError"
    assert first_line(RuntimeError("one\ntwo")) == "RuntimeError: one"
    assert issubclass(StackError, ImportError)


EXTENSION = """
def nms():
    return "compiled"


def __getattr__(name):
    if name.startswith("__") or name.isupper():
        raise AttributeError(name)
    return nms
"""

NO_OTHER_EXTENSION = pytest.mark.skipif(
    has_compiled_ops(), reason="this mmcv has compiled ops of its own"
)


@NO_OTHER_EXTENSION
def test_a_compiled_extension_wins(output_beside_torch, tmp_path):
    (tmp_path / "_ext.py").write_text(EXTENSION)
    code = f"""
import mmcv
mmcv.__path__.append({str(tmp_path)!r})
{PREPARE}
import mmcv.ops, sys
print(sys.modules["mmcv._ext"].nms(), has_compiled_ops())
"""
    assert output_beside_torch(code)[-1] == "compiled True"


@NO_OTHER_EXTENSION
def test_a_compiled_extension_of_another_torch_is_named(output_beside_torch, tmp_path):
    (tmp_path / "_ext.py").write_text("raise ImportError('undefined symbol: _ZN3c106detail')")
    opening = f"import mmcv\nmmcv.__path__.append({str(tmp_path)!r})"
    (line,) = output_beside_torch(f"{opening}\n{PREPARE}")
    assert "undefined symbol" in line
    assert "compiled for another torch" in line


SPAWNING = """
import torch

from mmisr.openmmlab.stack import prepare

prepare()

from mmcv.ops import nms


class Boxes(torch.utils.data.Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0]])
        return nms(boxes, torch.tensor([0.5, 0.9]), 0.5)[1]


def main():
    loader = torch.utils.data.DataLoader(Boxes(), num_workers=1, multiprocessing_context="spawn")
    print([kept.tolist() for kept in loader])
"""


def test_spawned_workers_find_the_kernels(output_beside_torch, tmp_path):
    (tmp_path / "spawning.py").write_text(SPAWNING)
    assert output_beside_torch("import spawning\nspawning.main()", tmp_path)[-1] == "[[[1]], [[1]]]"


def test_names_of_mmagic_are_there_as_beside_us_none(output_beside_torch):
    code = (
        f"{PREPARE}\nfrom mmagic.models import SRGAN, EDSRNet\nfrom mmagic.models.editors import "
        f"SRGAN as same\n"
        "import sys\nprint(SRGAN is same, EDSRNet.__name__, 'mmagic.models.editors.biggan' in "
        "sys.modules)\n"
        "try:\n    from mmagic.models import NoSuchEditor\nexcept ImportError as error:\n    "
        "print('ImportError')"
    )
    assert output_beside_torch(code)[-2:] == ["True EDSRNet False", "ImportError"]
