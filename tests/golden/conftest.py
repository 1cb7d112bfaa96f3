"""The recorded numbers, and the image that they were made from."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict]:
    """Reads a file of recorded numbers."""

    def read(name: str) -> dict:
        return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture(scope="session")
def pattern() -> Callable[[int, int], torch.Tensor]:
    """Makes a (1, 3, height, width) float64 image of whole levels, 0 to 255: as ``make.py``."""

    def make(height: int, width: int) -> torch.Tensor:
        rows, columns, channels = np.mgrid[0:height, 0:width, 0:3]
        levels = (7 * rows + 13 * columns + 29 * channels + rows * columns) % 256
        return torch.from_numpy(levels).permute(2, 0, 1)[None].double()

    return make
