"""Blur: closed forms of the kernels, mmagic's, scipy as the reference of the filter."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmagic.datasets.transforms import blur_kernels
from scipy import ndimage

from mmisr.ops.blur import (
    blur,
    blur_by_fft,
    disc_kernel,
    gaussian_kernel,
    generalised_kernel,
    line_kernel,
    plateau_kernel,
    sinc_kernel,
)


@pytest.mark.parametrize(
    ("sigma_xy", "angle"), [((1.0, 1.0), 0.0), ((3.0, 0.7), 0.0), ((2.5, 0.8), 0.6)]
)
def test_kernel_has_the_covariance_it_was_asked_for(sigma_xy, angle):
    kernel = gaussian_kernel(sigma_xy, angle)
    axis = torch.arange(len(kernel), dtype=torch.float64) - len(kernel) // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    found = [float((kernel * a * b).sum()) for a, b in ((x, x), (y, y), (x, y))]
    cos, sin = math.cos(angle), math.sin(angle)
    sx, sy = (s**2 for s in sigma_xy)
    expected = [sx * cos**2 + sy * sin**2, sx * sin**2 + sy * cos**2, (sx - sy) * sin * cos]
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)
    assert found == pytest.approx(
        expected, rel=0.04, abs=1e-6
    )  # three standard deviations hold 97 % of the variance


def test_no_blur_at_a_vanishing_sigma():
    kernel = gaussian_kernel((1e-3, 1e-3))
    assert kernel[1, 1] == 1
    image = torch.rand(1, 3, 4, 5)
    assert torch.equal(blur(image, kernel), image)


def test_convention_first_axis_is_x():
    kernel = gaussian_kernel((3.0, 0.5))
    middle = len(kernel) // 2
    assert kernel[middle].sum() > 0.7
    assert kernel[:, middle].sum() < 0.3


def test_a_kernel_of_a_given_side_is_the_density_there():
    cut = gaussian_kernel((2.0, 1.0), 0.4, side=5)
    whole = gaussian_kernel((2.0, 1.0), 0.4)
    middle = whole[4:9, 4:9]
    assert cut.shape == (5, 5)
    assert torch.allclose(cut, middle / middle.sum(), atol=1e-12)


def test_filter_is_scipys():
    image = torch.rand(1, 2, 9, 12, dtype=torch.float64)
    kernel = gaussian_kernel((1.3, 0.6), 0.4)
    expected = [
        ndimage.correlate(channel.numpy(), kernel.numpy(), mode="nearest") for channel in image[0]
    ]
    assert torch.allclose(
        blur(image, kernel)[0], torch.stack([torch.from_numpy(e) for e in expected]), atol=1e-12
    )


def test_image_smaller_than_the_kernel():
    image = torch.full((1, 3, 2, 1), 0.25)
    assert torch.allclose(blur(image, gaussian_kernel((4.0, 4.0))), image)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"sigma_xy must be positive, got \(0, 1\)"):
        gaussian_kernel((0, 1))
    with pytest.raises(ValueError, match="side must be odd and at least 1, got 4"):
        gaussian_kernel((1, 1), side=4)
    with pytest.raises(ValueError, match=r"\(k, k\) with k odd, got \(2, 2\)"):
        blur(torch.rand(1, 3, 4, 4), torch.ones(2, 2))


SIGMAS = (2.1, 0.9)
ANGLE = 0.7


@pytest.mark.parametrize("side", [7, 21])
@pytest.mark.parametrize("beta", [0.6, 1.0, 3.5])
def test_relatives_of_the_gaussian_are_mmagics(side, beta):
    """Mmagic turns the other way round: its rotation is from the axes of the kernel."""
    options = {"is_isotropic": False}
    for ours, theirs in (
        (generalised_kernel, blur_kernels.bivariate_generalized_gaussian),
        (plateau_kernel, blur_kernels.bivariate_plateau),
    ):
        expected = theirs(side, *SIGMAS, ANGLE, beta, **options)
        found = ours(SIGMAS, beta, ANGLE, side)
        assert np.allclose(found.numpy(), expected, atol=2e-6)
    plain = gaussian_kernel(SIGMAS, ANGLE, side)
    assert torch.allclose(generalised_kernel(SIGMAS, 1.0, ANGLE, side), plain, atol=1e-15)


@pytest.mark.parametrize("side", [7, 13, 21])
@pytest.mark.parametrize("cutoff", [0.7, 1.5, math.pi])
def test_sinc_is_mmagics(side, cutoff):
    expected = blur_kernels.random_circular_lowpass_kernel([cutoff, cutoff], side)
    found = sinc_kernel(cutoff, side)
    assert np.allclose(found.numpy(), expected, atol=1e-7)
    assert float(found.sum()) == pytest.approx(1, abs=1e-12)
    assert torch.allclose(found, found.mT)
    reaches_its_first_zero = cutoff * (side // 2) * math.sqrt(2) > 3.84
    assert (float(found.min()) < 0) == reaches_its_first_zero


def test_sinc_passes_what_is_slow_and_stops_what_is_fast():
    columns = torch.arange(201, dtype=torch.float64)
    kernel = sinc_kernel(1.0, 61)
    for frequency, gain in ((0.4, 1.0), (1.8, 0.0)):
        wave = torch.cos(frequency * columns).expand(1, 1, 101, 201).contiguous()
        middle = blur_by_fft(wave, kernel)[0, 0, 50, 60:140]
        assert torch.allclose(middle, gain * wave[0, 0, 50, 60:140], atol=0.06)


@settings(max_examples=40, deadline=None)
@given(radius=st.floats(0.1, 9))
def test_a_disc_has_the_variance_of_a_disc(radius):
    kernel = disc_kernel(radius)
    assert float(kernel.sum()) == pytest.approx(1)
    assert torch.equal(kernel, kernel.flip(0)) and torch.equal(kernel, kernel.mT)
    axis = torch.arange(len(kernel), dtype=torch.float64) - len(kernel) // 2
    variance = float((kernel.sum(0) * axis**2).sum())
    # Every point counts where the middle of its pixel is, up to half a pixel away.
    assert variance == pytest.approx(radius**2 / 4, abs=0.2)


@settings(max_examples=40, deadline=None)
@given(length=st.floats(1, 15), angle=st.floats(0, math.pi))
def test_a_line_has_the_length_and_direction_of_a_line(length, angle):
    kernel = line_kernel(length, angle)
    assert float(kernel.sum()) == pytest.approx(1)
    assert torch.allclose(kernel, kernel.flip(0, 1), atol=1e-12)
    axis = torch.arange(len(kernel), dtype=torch.float64) - len(kernel) // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    # Sharing among four pixels adds up to a quarter of a square pixel each way.
    assert float((kernel * along**2).sum()) == pytest.approx((length - 1) ** 2 / 12, abs=0.51)
    assert float((kernel * across**2).sum()) <= 0.51


@pytest.mark.parametrize("side", [1, 3, 15])
@pytest.mark.parametrize("hw", [(20, 31), (16, 16), (64, 37)])
def test_the_fourier_transform_filters_alike(side, hw):
    torch.manual_seed(0)
    image, kernel = torch.rand(2, 3, *hw).double(), torch.rand(side, side).double()
    assert torch.allclose(blur_by_fft(image, kernel), blur(image, kernel), atol=1e-10)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: generalised_kernel((1, 1), 0), "beta must be positive, got 0"),
        (lambda: plateau_kernel((1, 1), -1), "beta must be positive, got -1"),
        (lambda: plateau_kernel((1, 0), 1), "sigma_xy must be positive"),
        (lambda: sinc_kernel(0, 7), "cutoff must be above 0 and at most pi, got 0"),
        (lambda: sinc_kernel(3.2, 7), "cutoff must be"),
        (lambda: sinc_kernel(1, 8), "side must be odd and at least 1, got 8"),
        (lambda: disc_kernel(0), "radius must be positive, got 0"),
        (lambda: line_kernel(0.9, 0), "length must be at least 1, got 0.9"),
        (lambda: blur_by_fft(torch.ones(1, 1, 4, 4), torch.ones(2, 2)), "k odd"),
    ],
)
def test_wrong_kernels(make, text):
    with pytest.raises(ValueError, match=text):
        make()
