"""Noise that grows across the image."""

import pytest
import torch

from mmisr.degradation.recipes import NOISE, Degradation
from mmisr.degradation.spatial_noise import SAME_SIZE, STRONGEST, linear_sigmas


def grey(width=400, height=600):
    return torch.full((1, 3, height, width), 128 / 255)


def test_every_recipe_of_noise_is_registered():
    assert set(NOISE) == set(SAME_SIZE) == {"linear_noise"}
    assert all(recipe.keeps_size for recipe in NOISE.values())


def test_the_standard_deviation_grows_from_none_to_fifty():
    noisy = Degradation(1, "linear_noise")(grey(), [0])
    columns = 255 * (noisy - grey())[0].transpose(0, 2).flatten(1)
    measured = columns.std(1)
    assert float(columns[0].abs().max()) == 0
    expected = linear_sigmas(400)
    assert float(expected[-1]) == STRONGEST
    # Of 1800 draws a column; the strongest is clipped a little at the ends of the range.
    assert float((measured[20:200] / expected[20:200] - 1).abs().max()) < 0.12
    assert float(measured[-40:].mean()) == pytest.approx(46.5, abs=2.5)
    assert float(columns[100:].mean()) == pytest.approx(0, abs=0.3)


def test_the_pixels_are_the_images_own():
    lr = Degradation(1, "linear_noise")(grey(50, 40).repeat(2, 1, 1, 1), [3, 4])
    alone = Degradation(1, "linear_noise")(grey(50, 40), [4])
    assert torch.equal(lr[1:], alone)
    assert not torch.equal(lr[0], lr[1])
    levels = lr * 255
    torch.testing.assert_close(levels, levels.round())


def test_another_scale_is_refused():
    with pytest.raises(ValueError, match="recipe 'linear_noise' keeps the size.*got 2"):
        Degradation(2, "linear_noise")


def test_its_name_says_the_version():
    assert Degradation(1, "linear_noise").name == "linear_noise@1+x1"
