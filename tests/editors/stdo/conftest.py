"""A small model of a clip that nobody trained."""

from pathlib import Path

import pytest
import torch

from mmisr.editors.stdo.model_file import ClipModel, half
from mmisr.editors.stdo.net import WDSR

SIZES = {"scale": 2, "blocks": 1, "width": 4}


def made(k: int = 2, clip: str = "c" * 64) -> ClipModel:
    """Three frames of 8 x 12 LR pixels in 2 x 3 patches."""
    torch.manual_seed(0)
    weights = [half(WDSR(folded=True, **SIZES).state_dict()) for _ in range(k)]
    chunks = torch.randint(k, (3, 6), dtype=torch.uint8)
    return ClipModel(clip, 2, (2, 3), (8, 12), SIZES, chunks, weights)


@pytest.fixture
def model() -> ClipModel:
    return made()


@pytest.fixture
def file(model: ClipModel, tmp_path: Path) -> Path:
    path = tmp_path / "clip.pth"
    model.write(path)
    return path
