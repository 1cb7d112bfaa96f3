"""The steerable pyramid: which wave passes which band."""

import math

import pytest
import torch

from mmisr.evaluation.functional.quality.steerable import CHOSEN, LEVELS, subbands


def wave(period: float, degrees: float = 0.0) -> torch.Tensor:
    y, x = torch.meshgrid(*(torch.arange(160).double(),) * 2, indexing="ij")
    turn = math.radians(degrees)
    along = x * math.cos(turn) + y * math.sin(turn)
    return torch.cos(2 * math.pi * along / period)


def middle(band: torch.Tensor) -> torch.Tensor:
    quarter = band.shape[0] // 4
    return band[quarter:-quarter, quarter:-quarter]


@pytest.mark.parametrize("level", range(LEVELS))
def test_a_wave_passes_the_level_of_its_period_alone(level):
    """Its amplitude stays 1 there: a variance of 1 / 2."""
    found = subbands(wave(4 * 2**level))
    across = CHOSEN.index(0)
    for other, bands in enumerate(found):
        variance = middle(bands[across]).square().mean().item()
        assert variance == pytest.approx(0.5 if other == level else 0.0, abs=0.03)


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_orientations_are_the_fifth_power_of_a_cosine(degrees):
    bands = subbands(wave(4, degrees))[0]
    for orientation, band in zip(CHOSEN, bands, strict=True):
        response = math.cos(math.radians(degrees - 30 * orientation)) ** 5
        variance = middle(band).square().mean().item()
        assert variance == pytest.approx(response**2 / 2, abs=0.01)


def test_what_is_constant_passes_nowhere():
    for bands in subbands(torch.full((75, 90), 200.0).double()):
        assert all(band.abs().max() < 1e-10 for band in bands)


@pytest.mark.parametrize("hw", [(72, 97), (3, 2), (1, 1)])
def test_any_size_gives_every_level(hw):
    sizes = [tuple(bands[0].shape) for bands in subbands(torch.rand(hw).double())]
    assert sizes == [tuple(math.ceil(side / 2**n) for side in hw) for n in range(LEVELS)]
