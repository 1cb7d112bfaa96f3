"""Pipelines: their promises about seeds, sizes and names."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from mmisr.degradation.pipeline import Pipeline, to_levels
from mmisr.degradation.steps.base import build_steps
from mmisr.degradation.steps.resize import Resize

STEPS = build_steps(
    [
        {"type": "Blur", "sigma": (0.2, 2), "side": (3, 9)},
        {"type": "Resize", "mode": ("area", "bicubic"), "factor": (0.4, 0.9)},
        {"type": "PoissonNoise", "photons": (100, 900), "gray_share": 0.5},
        {"type": "OneOf", "options": [{"type": "WebP", "quality": (5, 90)}, []]},
        {"type": "Resize"},
        {"type": "GaussianNoise", "sigma": (0, 20)},
        {"type": "JPEG", "quality": (10, 90), "shift": 7},
        {"type": "H264", "crf": (20, 40)},
    ]
)


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    """(3, 3, 48, 64) in [0, 1]."""
    parts = [data.astronaut()[30:78, 170:234], data.coffee()[:48, :64], data.chelsea()[:48, :64]]
    batch = np.stack(parts)
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255


@settings(max_examples=15, deadline=None)
@given(order=st.permutations([0, 1, 2]), count=st.integers(1, 3))
def test_pixels_depend_on_image_and_seed_and_on_nothing_else(photos, order, count):
    degrade = Pipeline(2, STEPS)
    seeds = [11, 5, 2**40]
    alone = [degrade(photos[n : n + 1], [seeds[n]])[0] for n in range(3)]
    chosen = order[:count]
    torch.rand(count)
    together = degrade(photos[chosen], [seeds[n] for n in chosen])
    for image, n in zip(together, chosen, strict=True):
        assert torch.equal(image, alone[n])


def test_another_seed_gives_other_pixels(photos):
    degrade = Pipeline(2, STEPS)
    assert not torch.equal(degrade(photos[:1], [0]), degrade(photos[:1], [1]))


def test_results_are_8_bit_levels_of_the_type_that_came(photos):
    lr = Pipeline(4, STEPS)(photos.double(), [1, 2, 3])
    assert lr.shape == (3, 3, 12, 16)
    assert lr.dtype == torch.float64
    assert torch.allclose(lr * 255, (lr * 255).round(), atol=1e-9)


def test_no_step_at_scale_1_is_the_image(photos):
    assert torch.equal(Pipeline(1, ())(photos, [0, 1, 2]), photos)


def test_levels_of_8_bits_are_exact():
    every = torch.arange(256)
    levels = to_levels(every.float() / 255)
    assert torch.equal(levels, every.double())


def test_a_name_states_every_step():
    name = Pipeline(2, STEPS, "mine@3").name
    assert name.startswith("mine@3+x2+Blur@1(sigma=0.2-2,")
    assert name == "+".join(["mine@3", "x2", *(step.name for step in STEPS)])


@pytest.mark.parametrize(
    "steps",
    [(), (Resize(factor=(0.25, 0.25)),), (Resize(), Resize(size=(9, 9)))],
)
def test_steps_that_end_elsewhere(photos, steps):
    text = r"must come to HR/2, 32x24 pixels here, and end at \d+x\d+"
    with pytest.raises(ValueError, match=text):
        Pipeline(2, steps)(photos, [0, 1, 2])


def test_a_size_that_is_hr_by_scale_is_one(photos):
    assert Pipeline(2, (Resize(size=(24, 32)),))(photos, [0, 1, 2]).shape[-2:] == (24, 32)


def test_wrong_arguments(photos):
    for scale in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=f"scale must be a whole number >= 1, got {scale}"):
            Pipeline(scale, ())
    with pytest.raises(ValueError, match="multiples of the scale 5, got 64x48; put mmisr.CropTo"):
        Pipeline(5, STEPS)(photos, [0, 1, 2])
    with pytest.raises(ValueError, match="one entry per image: 3 images, 1 seeds"):
        Pipeline(2, STEPS)(photos, [0])
