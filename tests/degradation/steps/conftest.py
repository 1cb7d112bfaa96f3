"""A photo as steps see it, and a step alone."""

import numpy as np
import pytest
import torch
from skimage import data


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """(64, 90, 3) uint8 RGB."""
    return np.ascontiguousarray(data.astronaut()[30:94, 170:260])


@pytest.fixture(scope="session")
def levels(pixels) -> torch.Tensor:
    """(3, 64, 90) float64 on the 0..255 scale."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).double()


@pytest.fixture(scope="session")
def alone():
    """Runs one step on one image."""

    def run(step, image, seed=0, lr_hw=(16, 22)):
        return step(image, lr_hw, torch.Generator().manual_seed(seed))

    return run
