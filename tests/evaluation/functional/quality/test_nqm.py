"""NQM against hand examples, and what must hold of it."""

import math

import numpy as np
import pytest
import torch
from skimage import data

from mmisr.evaluation.functional.quality.nqm import DEGREES, band_filters, nqm, threshold

MEAN = 100.0
SIDE = 64


def grating(contrast: float, cycles: int = 8) -> torch.Tensor:
    """A mean with one wave on it, wholly in the band around its frequency."""
    phase = 2 * math.pi * cycles * torch.arange(SIDE).double() / SIDE
    return MEAN * (1 + contrast * torch.sin(phase)).expand(SIDE, SIDE)


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return torch.as_tensor(data.camera()).double()[100:228, 150:310]


def noisy(image: torch.Tensor, sigma: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return image + sigma * torch.randn(image.shape, generator=generator).double()


def test_filters_sum_to_one_inside_their_bands():
    filters = band_filters((128, 96))
    y = torch.fft.fftfreq(128).double() * 128
    x = torch.fft.fftfreq(96).double() * 128
    radius = torch.hypot(y[:, None], x[None])
    total = filters.sum(0)
    torch.testing.assert_close(total[radius <= 32], torch.ones_like(total[radius <= 32]))
    assert (total[radius >= 64] == 0).all()
    assert [filters[k][2**k, 0].item() for k in range(1, 6)] == pytest.approx([1] * 5)


def test_thresholds_are_those_of_the_sensitivity():
    """520 (.0192 + .114 f) exp(-(.114 f)^1.1) at 32 cycles over 16.37 degrees."""
    assert pytest.approx(16.370, abs=1e-3) == DEGREES
    assert 1 / threshold(5) == pytest.approx(103.9, abs=0.2)
    assert 1 / threshold(1) == pytest.approx(17.06, abs=0.05)


@pytest.mark.parametrize("contrast", [0.01, 0.45, 0.6])
def test_a_wave_of_another_contrast_is_told_by_hand(contrast):
    reference = 0.2
    phase = np.sin(2 * math.pi * 8 * np.arange(SIDE) / SIDE)
    c, other = reference * phase, contrast * phase
    least = threshold(3)
    masked = np.abs(other - c) < least * (0.86 * (np.abs(c) / least - 1) + 0.3)
    other = np.where(masked, c, other)
    seen = np.where(np.abs(c) >= least, c, 0)
    seen_of_test = np.where(np.abs(other) >= least, other, 0)
    expected = 10 * math.log10((seen**2).sum() / ((seen - seen_of_test) ** 2).sum())
    assert nqm(grating(reference), grating(contrast)) == pytest.approx(expected, rel=1e-9)


def test_equal_images_and_what_is_not_seen_are_infinitely_good(photo):
    assert nqm(photo, photo) == math.inf
    # A wave below the threshold on top of one that is seen, and a masked change of contrast.
    faint = grating(0.2) + MEAN * (grating(threshold(5) / 2, 32) / MEAN - 1)
    assert nqm(grating(0.2), faint) == math.inf
    assert nqm(grating(0.2), grating(0.3)) == math.inf
    assert nqm(grating(0.2), grating(0.6)) < 20


def test_it_falls_with_noise(photo):
    values = [nqm(photo, noisy(photo, sigma)) for sigma in (1, 3, 10, 30, 90)]
    assert values == sorted(values, reverse=True)


def test_constant_images_have_no_value_or_show_nothing(photo):
    flat = torch.full_like(photo, 90.0)
    assert math.isnan(nqm(flat, photo))
    assert nqm(photo, flat) == 0  # the error is the image
    assert math.isnan(nqm(torch.zeros_like(photo), torch.zeros_like(photo)))


def test_of_a_mask_it_is_what_lies_in_it(photo):
    test = photo.clone()
    test[:, :80] = noisy(photo, 40)[:, :80]
    spoilt = torch.zeros_like(photo, dtype=torch.bool)
    spoilt[:, :80] = True
    assert nqm(photo, test, spoilt) < nqm(photo, test) < nqm(photo, test, ~spoilt)
    assert math.isnan(nqm(photo, test, torch.zeros_like(spoilt)))


def test_images_of_other_shapes_are_refused(photo):
    with pytest.raises(ValueError, match="NQM compares two images of one shape"):
        nqm(photo, photo[:100])
