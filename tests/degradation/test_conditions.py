"""The degradations that clusters are looked for in."""

import pytest
import torch

from mmisr.degradation.conditions import CONDITIONS, condition, conditions
from mmisr.degradation.corruptions import corruption
from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.steps.noise import GaussianNoise


@pytest.fixture
def image():
    draw = torch.Generator().manual_seed(0)
    levels = torch.randint(60, 196, (1, 3, 64, 64), generator=draw)
    return levels / 255


def test_they_do_what_their_names_say(image):
    """Clean pixels stay; noise has a deviation of 20 levels; a blur takes contrast away."""
    changed = {name: condition(name)(image, [3]) for name in CONDITIONS}
    assert torch.equal(changed["clean"], image)
    assert float((255 * (changed["noise"] - image)).std()) == pytest.approx(20, rel=0.05)
    assert float(changed["blur"].std()) < 0.3 * float(image.std())
    assert float((changed["jpeg"] - image).abs().max()) > 0.05
    same = Pipeline(1, (GaussianNoise((20, 20)),))(image, [3])
    assert torch.equal(changed["noise"], same)


def test_corruptions_go_by_name_and_severity(image):
    ours = condition("defocus:3")(image, [0])
    assert torch.equal(ours, corruption("defocus", 3)(image, [0]))


@pytest.mark.parametrize("name", ["fog", "defocus", "blur:2", ""])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=f"must be one of clean, blur, .*got '{name}'"):
        condition(name)
    with pytest.raises(ValueError, match="severity .* got 9"):
        condition("defocus:9")


@pytest.mark.parametrize("names", [[], ["clean"], ["clean", "clean"]])
def test_two_different_ones_are_needed(names):
    with pytest.raises(ValueError, match="at least two degradations, each once"):
        conditions(names)
