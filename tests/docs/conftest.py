"""The examples of the documentation, importable as their pages say, and gone again afterwards."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmisr.registry import MODELS, STRATEGIES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def example(monkeypatch, request) -> Iterator[Path]:
    """A folder of docs/examples as PYTHONPATH has it; what its modules register is taken back."""
    folder = EXAMPLES / request.param
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(folder)
    known = [(registry, set(registry.module_dict)) for registry in (MODELS, STRATEGIES)]
    yield folder
    for registry, names in known:
        for name in set(registry.module_dict) - names:
            if getattr(registry.module_dict[name], "__module__", "") in {
                path.stem for path in folder.glob("*.py")
            }:
                del registry.module_dict[name]
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)
