"""Resizes: against ops.resample, torch and OpenCV, and where they come to."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmisr.degradation.steps.resize import Resize
from mmisr.ops.resample import MODES, resize


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("antialias", [True, False])
def test_it_is_that_of_the_house(mode, antialias, alone, levels):
    found = alone(Resize(mode, antialias), levels)
    assert torch.equal(found, resize(levels[None], (16, 22), mode, antialias)[0])


@pytest.mark.parametrize("antialias", [True, False])
def test_torchs_own_bicubic(antialias, alone, levels):
    expected = F.interpolate(levels[None], (16, 22), mode="bicubic", antialias=antialias)
    assert torch.equal(alone(Resize("torch_bicubic", antialias), levels), expected[0])


def test_torchs_own_bicubic_is_opencvs(alone, pixels, levels):
    found = alone(Resize("torch_bicubic", antialias=False, size=(32, 45)), levels)
    expected = cv2.resize(pixels.astype(np.float64), (45, 32), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(found.permute(1, 2, 0).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("step", "hw"),
    [
        (Resize(), (16, 22)),
        (Resize(size=(5, 7)), (5, 7)),
        (Resize(factor=(0.5, 0.5)), (32, 45)),
        (Resize(factor=(1.5, 1.5)), (96, 135)),
        (Resize(factor=(0.5, 0.5), of="lr"), (8, 11)),
        (Resize(factor=(1e-4, 1e-4)), (1, 1)),
    ],
)
def test_where_it_comes_to(step, hw, alone, levels):
    assert alone(step, levels).shape == (3, *hw)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 99))
def test_whole_percents_of_whole_hundreds_are_whole(hundreds, percent):
    image = torch.zeros(1, 1, 100 * min(hundreds, 4))
    out = Resize("nearest", factor=(percent / 100, percent / 100))(
        image, (1, 1), torch.Generator().manual_seed(0)
    )
    assert out.shape[-1] == min(hundreds, 4) * percent


def test_modes_and_factors_are_drawn_for_each_image(alone, levels):
    step = Resize(("nearest", "area"), factor=(0.2, 0.9))
    sizes = {alone(step, levels, seed).shape for seed in range(30)}
    assert len(sizes) > 10
    fixed = Resize(("nearest", "area"))
    images = [alone(fixed, levels, seed) for seed in range(30)]
    expected = [alone(Resize(mode), levels) for mode in ("nearest", "area")]
    which = [[torch.equal(image, one) for one in expected].index(True) for image in images]
    assert 5 < sum(which) < 25


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"mode": "cubic"},
            "step Resize: mode must be one of .*torch_bicubic, or several, got 'cu",
        ),
        ({"mode": ()}, "mode must be one of"),
        ({"mode": ("area", "x")}, "mode must be one of"),
        ({"factor": (0, 1)}, r"factor must be \(low, high\) with 0 < low <= high, got \(0, 1\)"),
        ({"factor": (-2, -1)}, "factor must be"),
        (
            {"factor": (1, 2), "size": (3, 4)},
            r"give factor or size, got both: \(1, 2\) and \(3, 4\)",
        ),
        ({"size": (0, 4)}, "step Resize: size must be"),
        ({"of": "hr"}, "of must be one of image, lr, got 'hr'"),
    ],
)
def test_wrong_values(values, text):
    with pytest.raises(ValueError, match=text):
        Resize(**values)
