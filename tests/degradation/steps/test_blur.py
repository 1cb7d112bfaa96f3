"""Blurs: by hand, against mmagic's kernels, and their draws."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate

from mmisr.degradation.steps.blur import Blur, Defocus, Filter, MotionBlur, Sinc

DELTA = [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
STEPS = [
    Blur((0.5, 2.0)),
    Blur((0.5, 2.0), "iso", (7, 21)),
    Blur((0.5, 2.0), "aniso", (7, 21), "generalised", (0.5, 4.0)),
    Blur((0.5, 2.0), "iso", (7, 21), "plateau", (1.0, 2.0)),
    Sinc(),
    Defocus((0.6, 4.0)),
    MotionBlur((2.0, 9.0)),
    Filter(((0.0, 0.125, 0.0), (0.125, 0.5, 0.125), (0.0, 0.125, 0.0))),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
class TestEvery:
    def test_a_grey_image_stays(self, step, alone):
        grey = torch.full((3, 24, 30), 77.0, dtype=torch.float64)
        assert torch.allclose(alone(step, grey), grey, atol=1e-9)

    def test_it_is_linear_and_keeps_the_size(self, step, alone, levels):
        other = levels.flip(-1)
        both = alone(step, 0.25 * levels + 0.75 * other)
        assert both.shape == levels.shape
        expected = 0.25 * alone(step, levels) + 0.75 * alone(step, other)
        assert torch.allclose(both, expected, atol=1e-9)

    def test_the_seed_decides(self, step, alone, levels):
        assert torch.equal(alone(step, levels, 4), alone(step, levels, 4))
        is_drawn = not isinstance(step, Filter)
        assert torch.equal(alone(step, levels, 4), alone(step, levels, 5)) != is_drawn


def test_a_delta_is_the_identity(alone, levels):
    assert torch.equal(alone(Filter(DELTA), levels), levels)
    wide = torch.zeros(9, 9)
    wide[4, 4] = 1
    assert torch.allclose(alone(Filter(wide.tolist()), levels), levels, atol=1e-9)


@pytest.mark.parametrize("side", [3, 9])
def test_a_given_kernel_is_scipys_correlation(alone, levels, side):
    kernel = np.random.default_rng(0).random((side, side))
    kernel /= kernel.sum()
    found = alone(Filter(kernel.tolist()), levels)
    for channel, image in zip(found, levels, strict=True):
        expected = correlate(image.numpy(), kernel, mode="nearest")
        np.testing.assert_allclose(channel.numpy(), expected, atol=1e-9)


def test_iso_draws_one_width_and_aniso_two():
    draw = torch.Generator().manual_seed(3)
    iso = Blur((0.5, 3.0), "iso", (15, 15)).kernel(draw)
    aniso = Blur((0.5, 3.0), "aniso", (15, 15)).kernel(draw)
    assert torch.allclose(iso, iso.mT) and torch.allclose(iso, iso.flip(0))
    assert not torch.allclose(aniso, aniso.mT)


def test_sides_are_odd_and_all_drawn():
    blur = Blur((1.0, 1.0), side=(7, 21))
    draw = torch.Generator().manual_seed(0)
    sides = {len(blur.kernel(draw)) for _ in range(200)}
    assert sides == {7, 9, 11, 13, 15, 17, 19, 21}


def test_half_of_the_betas_are_below_one():
    blur = Blur((1.0, 1.0), profile="generalised", beta=(0.5, 4.0))
    draw = torch.Generator().manual_seed(0)
    betas = torch.tensor([blur._beta(draw) for _ in range(2000)])
    assert float((betas < 1).double().mean()) == pytest.approx(0.5, abs=0.04)
    assert 0.5 <= float(betas.min()) < 0.52
    assert 3.9 < float(betas.max()) <= 4


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 6), st.integers(0, 1000))
def test_a_lens_blurs_as_far_as_its_radius(radius, seed):
    dot = torch.zeros(3, 17, 17, dtype=torch.float64)
    dot[:, 8, 8] = 255
    seen = Defocus((radius, radius))(dot, (1, 1), torch.Generator().manual_seed(seed))
    y, x = torch.nonzero(seen[0] > 1e-6, as_tuple=True)
    reach = torch.hypot((x - 8).double(), (y - 8).double()).max()
    assert radius - 1.0 <= float(reach) <= radius + math.sqrt(0.5)
    assert float(seen.sum()) == pytest.approx(3 * 255)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Blur((2, 1)), r"step Blur: sigma must be \(low, high\).*got \(2, 1\)"),
        (lambda: Blur((1, 2), "round"), "step Blur: shape must be one of iso, aniso, got 'round'"),
        (lambda: Blur((1, 2), profile="box"), "profile must be one of gaussian, generalised, plat"),
        (lambda: Blur((1, 2), beta=(2, 3)), "beta must be .*low <= 1 <= high, got .2, 3."),
        (lambda: Blur((1, 2), beta=(0, 3)), "beta must be .*0 < low"),
        (lambda: Blur((1, 2), side=(8, 12)), r"side must be \(low, high\), odd, .*got \(8, 12\)"),
        (lambda: Sinc((0, 1)), "step Sinc: cutoff must be .*0 < low <= high"),
        (lambda: Sinc((1, 4)), "step Sinc: cutoff must be"),
        (lambda: Defocus((0, 1)), "step Defocus: radius must be .*0 < low"),
        (lambda: MotionBlur((0.5, 1)), "step MotionBlur: length must be .*1 <= low"),
        (lambda: Filter(((0.5, 0.5),)), r"square with an odd side, got 1 rows of \[2\] values"),
        (lambda: Filter(()), "square with an odd side, got 0 rows"),
        (lambda: Filter(((0.5,),)), "must sum to 1, .*got 0.5; divide by it"),
        (lambda: Filter(((math.nan,),)), "must sum to 1"),
    ],
)
def test_wrong_values(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize(
    "step",
    [Sinc(side=(21, 21)), Blur((1, 1), side=(21, 21)), Defocus((10, 10)), MotionBlur((20, 20))],
)
def test_a_kernel_larger_than_the_image(step, alone, levels):
    text = f"step {type(step).__name__}: a kernel must not be larger than the image, got 21x21 for"
    with pytest.raises(ValueError, match=f"{text} an image of 90x20; take larger images"):
        alone(step, levels[:, :20])
