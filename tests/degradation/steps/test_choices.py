"""Which of several ways: shares, nesting, and the seed."""

import pytest
import torch

from mmisr.degradation.steps.choices import OneOf
from mmisr.degradation.steps.codecs import JPEG
from mmisr.degradation.steps.resize import Resize

TO = {size: Resize("nearest", size=(1, size)) for size in (1, 2, 3)}


def widths(step, image, alone, count=1500) -> torch.Tensor:
    found = [alone(step, image, seed).shape[-1] for seed in range(count)]
    return torch.bincount(torch.tensor(found), minlength=6) / count


@pytest.mark.parametrize(
    ("options", "shares", "expected"),
    [
        ([TO[1], TO[2], TO[3]], None, {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}),
        ([TO[1], TO[2], []], (0.2, 0.7, 0.1), {1: 0.2, 2: 0.7, 5: 0.1}),
        ([[TO[3], TO[1]], None], (0.9, 0.1), {1: 0.9, 5: 0.1}),
        ([TO[1], TO[2]], (1.0, 0.0), {1: 1.0}),
        ([OneOf([TO[1], TO[2]]), TO[3]], (0.5, 0.5), {1: 0.25, 2: 0.25, 3: 0.5}),
    ],
)
def test_shares(options, shares, expected, alone):
    image = torch.zeros(3, 1, 5, dtype=torch.float64)
    found = widths(OneOf(options, shares), image, alone)
    for width in range(1, 6):
        assert float(found[width]) == pytest.approx(expected.get(width, 0), abs=0.04)


def test_options_from_configs(alone, levels):
    jpeg = {"type": "JPEG", "quality": [9, 9]}
    step = OneOf([jpeg, [{"type": "Quantise"}]], [1.0, 0.0])
    assert step.options[0] == (JPEG([9, 9]),)
    assert torch.equal(alone(step, levels), alone(OneOf([JPEG((9, 9))], (1.0,)), levels))
    assert step.name == (
        "OneOf@1(options=[[JPEG@1(quality=9-9,subsampling=4:2:0,shift=0)]|"
        "[Quantise@1(halves=even)]],shares=[1|0])"
    )


@pytest.mark.parametrize(
    ("options", "shares", "text"),
    [
        ([], None, "step OneOf: options must be at least one, got none"),
        (None, None, "options must be at least one"),
        ([[], []], (0.5, 0.6), "shares must be one per option, 2 numbers .*sum is 1, got"),
        ([[], []], (1.0,), "shares must be one per option"),
        ([[], []], (1.5, -0.5), "shares must be one per option"),
        ([{"type": "Jpeg"}], None, "must be dict"),
    ],
)
def test_wrong_values(options, shares, text):
    with pytest.raises(ValueError, match=text):
        OneOf(options, shares)
