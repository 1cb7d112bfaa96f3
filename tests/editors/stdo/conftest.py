"""A small model of a clip that nobody trained."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmisr.editors.stdo.model_file import ClipModel, half
from mmisr.editors.stdo.net import WDSR

SIZES = {"scale": 2, "blocks": 1, "width": 4}


def made(k: int = 2, clip: str = "c" * 64) -> ClipModel:
    """Three frames of 8 x 12 LR pixels in 2 x 3 patches."""
    torch.manual_seed(0)
    chunks = torch.randint(k, (3, 6), dtype=torch.uint8)
    return of_networks([SIZES] * k, [1] * k, chunks, clip)


def of_networks(sizes: list[dict], parts: list[int], chunks: Tensor, clip: str) -> ClipModel:
    """Grey frames."""
    return ClipModel(
        clip=clip,
        scale=2,
        grid=(2, 3),
        lr_hw=(8, 12),
        sizes=sizes,
        parts=parts,
        chunks=chunks,
        weights=[half(WDSR(folded=True, **each).state_dict()) for each in sizes],
        name="clip.mkv",
        thumbnails=torch.full((len(chunks), 16), 128, dtype=torch.uint8),
    )


@pytest.fixture
def model() -> ClipModel:
    return made()


@pytest.fixture
def tiled() -> ClipModel:
    """Two sizes of tiles: network 0 takes them in 2 x 2 parts."""
    torch.manual_seed(0)
    sizes = [{**SIZES, "blocks": 2}, SIZES]
    return of_networks(sizes, [2, 1], torch.randint(2, (3, 6), dtype=torch.uint8), "c" * 64)


@pytest.fixture
def file(model: ClipModel, tmp_path: Path) -> Path:
    path = tmp_path / "clip.pth"
    model.write(path)
    return path
