"""Seams where tokens meet."""

import math

import pytest
import torch

from mmisr.analysis.seams import seam_ratio, steepness


def test_steepness_by_hand():
    image = torch.zeros(1, 3, 4, 8)
    image[..., 4:] = 1.0
    # One of seven columns of differences is 1, and it is the border; the rows are flat.
    assert steepness(image, 4) == math.inf
    image[..., 2:4] = 0.5
    # Columns 2 and 4 differ by .5; borders: column 4 alone. Elsewhere: 6 columns, 3 rows.
    assert steepness(image, 4) == pytest.approx(0.5 / (0.5 / 9))


@pytest.mark.parametrize("size", [0.1, 0.5])
def test_a_step_at_every_border_is_seen(size):
    torch.manual_seed(0)
    hr = torch.rand(1, 3, 32, 48)
    sr = hr.clone()
    checks = torch.arange(48) // 8 % 2
    sr += size * checks
    assert seam_ratio(sr, hr, 8) > 1.01
    assert seam_ratio(hr + 0.3, hr, 8) == pytest.approx(1.0)


def test_no_border_is_no_number():
    image = torch.rand(1, 3, 8, 8)
    assert math.isnan(seam_ratio(image, image, 8))
