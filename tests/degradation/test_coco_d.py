"""The test conditions of COCO-d as recipes."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from skimage import data

from mmisr.degradation.coco_d import SAME_SIZE, SMALLER
from mmisr.degradation.recipes import BY_NAME, COCO_D, NOISE, RECIPES, Degradation
from mmisr.degradation.transform import SimulateLR
from mmisr.ops.resample import resize


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    """(1, 3, 64, 96) RGB in [0, 1]."""
    pixels = np.ascontiguousarray(data.astronaut()[30:94, 170:266])
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def blurred_dot(recipe: str, seed: int = 0) -> np.ndarray:
    """(63, 63) shares of the light of a dot of white after a recipe.

    Of a dot in grey, so that what a kernel leaves is above a level: a sum of shares is not 1 by a
    little.
    """
    dot = torch.zeros(1, 3, 63, 63)
    dot[..., 29:34, 29:34] = 1
    levels = Degradation(1, recipe)(dot, [seed])[0, 0].double().numpy() * 255
    return levels / levels.sum()


def moments(shares: np.ndarray) -> list[float]:
    """Variance along x, along y, and covariance, less those of the dot itself, 2 on both axes."""
    y, x = np.mgrid[-31:32, -31:32]
    return [
        float((shares * x * x).sum()) - 2,
        float((shares * y * y).sum()) - 2,
        float((shares * x * y).sum()),
    ]


def test_names():
    assert set(COCO_D) == {*SAME_SIZE, *SMALLER}
    assert not set(COCO_D) & set(RECIPES)
    assert {**RECIPES, **COCO_D, **NOISE} == BY_NAME
    assert len(BY_NAME) == len(RECIPES) + len(COCO_D) + len(NOISE)
    assert Degradation(4, "coco_d_resolution").name == "coco_d_resolution@1+x4"


def test_the_fixed_blurs_have_the_covariance_they_name():
    # Shares below half a level are lost to the 8 bits.
    assert moments(blurred_dot("coco_d_fix_isoblur")) == pytest.approx([3, 3, 0], abs=0.2)
    cos, sin = math.cos(math.pi / 3), math.sin(math.pi / 3)
    expected = [5 * cos**2 + 2.3 * sin**2, 5 * sin**2 + 2.3 * cos**2, 2.7 * sin * cos]
    assert moments(blurred_dot("coco_d_fix_anisoblur")) == pytest.approx(expected, abs=0.2)


def test_the_random_blur_is_drawn_per_image():
    kinds = set()
    for seed in range(30):
        along, across, skew = moments(blurred_dot("coco_d_random_blur", seed))
        if max(abs(along), abs(across)) < 1e-6:
            kinds.add("none")
        else:
            kinds.add("iso" if abs(along - across) < 1e-6 and abs(skew) < 1e-6 else "aniso")
    assert kinds == {"none", "iso", "aniso"}


def test_the_fixed_noise_has_deviation_10():
    grey = torch.full((2, 3, 200, 200), 0.5)
    found = Degradation(1, "coco_d_fix_noise")(grey, [1, 2]) * 255
    assert float(found.std()) == pytest.approx(10, rel=0.02)
    assert float(found.mean()) == pytest.approx(127.5, abs=0.2)


def test_the_random_noise_has_deviations_of_5_to_50():
    grey = torch.full((1, 3, 60, 60), 0.5)
    degrade = Degradation(1, "coco_d_random_noise")
    sigmas = [float((degrade(grey, [seed]) * 255).std()) for seed in range(150)]
    assert min(sigmas) > 4.8
    # The strongest noise is cut off at black and white, which takes a little of its deviation.
    assert 45 < max(sigmas) < 51
    assert stats.kstest(sigmas, "uniform", (5, 45)).pvalue > 1e-3


@pytest.mark.parametrize("scale", [2, 4])
def test_resolution_is_one_of_three_kernels_without_antialias(photo, scale):
    hw = (64 // scale, 96 // scale)
    expected = {}
    for mode in ("nearest", "bilinear", "bicubic"):
        levels = resize(photo.double() * 255, hw, mode, antialias=False)
        expected[mode] = levels.clamp(0, 255).round()
    used = set()
    for seed in range(12):
        found = Degradation(scale, "coco_d_resolution")(photo, [seed]).double() * 255
        apart = {mode: float((found - want).abs().max()) for mode, want in expected.items()}
        nearest = min(apart, key=apart.get)
        assert apart[nearest] <= 1.001  # of rounding alone
        used.add(nearest)
    assert used == set(expected)


@pytest.mark.parametrize("recipe", COCO_D)
def test_pixels_are_8_bit_levels_and_depend_on_the_seed_alone(photo, recipe):
    degrade = Degradation(2 if recipe in SMALLER else 1, recipe)
    alone = degrade(photo, [7])
    torch.rand(3)
    together = degrade(torch.cat([photo.flip(3), photo]), [8, 7])
    assert torch.equal(alone, together[1:])
    assert torch.allclose(alone * 255, (alone * 255).round(), atol=1e-4)
    assert float(alone.min()) >= 0
    assert float(alone.max()) <= 1


@pytest.mark.parametrize("recipe", SAME_SIZE)
def test_what_keeps_the_size_has_scale_1(recipe):
    with pytest.raises(ValueError, match=f"recipe '{recipe}' keeps the size .* must be 1, got 2"):
        Degradation(2, recipe)


def test_boxes_stay_as_they_are_annotated():
    boxes = np.array([[10.5, 3.25, 20.75, 9.5]], dtype=np.float32)
    bgr = np.ascontiguousarray(data.astronaut()[40:104, 160:256, ::-1])
    results = {"img": bgr, "img_id": 1, "gt_bboxes": boxes.copy()}
    out = SimulateLR(4, "coco_d_resolution")(results)
    assert out["lr"].shape == (16, 24, 3)
    np.testing.assert_array_equal(out["gt_bboxes"], boxes)
