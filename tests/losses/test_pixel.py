"""``mmisr.losses``: values against closed forms, gradients, and what is refused."""

import pytest
import torch
from torch import nn

from mmisr.losses.functional import box_weights, charbonnier, scaled, weighted_mean
from mmisr.losses.pixel import PixelLoss
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

GENERATOR = torch.Generator().manual_seed(0)
SR, HR = (torch.rand(2, 3, 8, 12, generator=GENERATOR, dtype=torch.float64) for _ in range(2))


@pytest.mark.parametrize(
    ("distance", "reference"),
    [
        ("l1", nn.L1Loss()),
        ("mse", nn.MSELoss()),
        ("charbonnier", lambda sr, hr: ((sr - hr) ** 2 + 1e-6).sqrt().mean()),
    ],
)
@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_equals_torch(distance, reference, weight):
    loss = MODELS.build({"type": "mmisr.PixelLoss", "distance": distance, "weight": weight})
    torch.testing.assert_close(loss(SR, HR), weight * reference(SR, HR))


def test_equals_mmagic():
    """The editors' default before there was one of our own: trained weights come out the same."""
    reference = MODELS.build({"type": "mmagic.L1Loss"})
    assert torch.equal(PixelLoss()(SR.float(), HR.float()), reference(SR.float(), HR.float()))


@pytest.mark.parametrize("distance", ["l1", "mse", "charbonnier"])
def test_gradients(distance):
    hints = [ImageHints(boxes_lr=torch.tensor([[0.5, 0.5, 2.0, 1.5]]), lr_hw=(4, 6))] * 2
    loss = PixelLoss(distance, box_weight=4.0)
    assert torch.autograd.gradcheck(lambda sr: loss(sr, HR, hints), SR.clone().requires_grad_())


def test_charbonnier_is_smooth_at_zero_and_l1_far_from_it():
    assert charbonnier(torch.zeros(1), torch.zeros(1)).item() == pytest.approx(1e-3)
    assert charbonnier(torch.ones(1), torch.zeros(1)).item() == pytest.approx(1, abs=1e-6)


def test_a_pixel_in_a_box_counts_more_and_the_weights_average_to_one():
    """One wrong pixel of 8 x 12, in a box of 2 x 3 LR pixels that is 4 x 6 in HR."""
    hints = [ImageHints(boxes_lr=torch.tensor([[1.0, 1.0, 4.0, 3.0]]), lr_hw=(4, 6))]
    hr, inside, outside = (torch.zeros(1, 3, 8, 12) for _ in range(3))
    inside[..., 2, 2], outside[..., 0, 0] = 1.0, 1.0
    loss = PixelLoss(box_weight=4.0)
    total = 4 * 24 + (96 - 24)
    assert loss(inside, hr, hints).item() == pytest.approx(4 / total)
    assert loss(outside, hr, hints).item() == pytest.approx(1 / total)
    assert loss(torch.ones_like(hr), hr, hints).item() == pytest.approx(1)


def test_boxes_follow_the_sizes_really_used():
    """LR of 5 x 7 pixels, HR of 20 x 29: the factors differ between the axes."""
    hints = [ImageHints(boxes_lr=torch.tensor([[0.0, 0.0, 7.0, 5.0]]), lr_hw=(5, 7))]
    hr = torch.zeros(1, 3, 20, 29)
    assert PixelLoss(box_weight=9.0)._weights(hr, hints).eq(9).all()


def test_dilation_and_no_boxes():
    one = box_weights([torch.tensor([[4.0, 4.0, 5.0, 5.0]]), torch.zeros((0, 4))], (9, 9), 3.0, 2.0)
    assert one[0, 0].gt(1).sum() == 25
    assert one[1].eq(1).all()


@pytest.mark.parametrize(
    "hints",
    [
        None,
        [ImageHints(seed=1)] * 2,
        [ImageHints(boxes_lr=torch.zeros((0, 4)), lr_hw=(4, 6)), ImageHints(lr_hw=(4, 6))],
        [ImageHints(boxes_lr=torch.zeros((0, 4)))] * 2,
    ],
)
def test_boxes_that_are_not_there_are_named(hints):
    with pytest.raises(
        ValueError,
        match=r"PixelLoss.box_weight=2.0 needs the boxes of every image.*or set box_weight=1",
    ):
        PixelLoss(box_weight=2.0)(SR, HR, hints)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"distance": "l3"}, "PixelLoss.distance must be one of l1, mse, charbonnier, got 'l3'"),
        ({"weight": -1.0}, "needs weight >= 0.*got weight=-1"),
        ({"box_weight": 0.0}, "box_weight > 0.*got.*box_weight=0"),
        ({"dilate": "much"}, "PixelLoss.dilate must be float, got 'much'"),
    ],
)
def test_arguments_out_of_range(arguments, text):
    with pytest.raises(ValueError, match=text):
        PixelLoss(**arguments)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"one shape, got \(2, 3, 8, 12\) and \(2, 3, 8, 8\)"):
        PixelLoss()(SR, HR[..., :8])


def test_weighted_mean_ignores_the_scale_of_the_weights():
    weights = torch.rand(2, 1, 8, 12, dtype=torch.float64) + 0.1
    torch.testing.assert_close(weighted_mean(SR, weights), weighted_mean(SR, 7 * weights))
    torch.testing.assert_close(weighted_mean(SR, torch.ones_like(weights)), SR.mean())


def test_scaled_leaves_what_is_only_logged():
    losses = {
        "loss_cls": torch.tensor(2.0),
        "loss_levels": [torch.tensor(1.0), torch.tensor(3.0)],
        "acc": torch.tensor(5.0),
    }
    result = scaled(losses, 0.5)
    assert float(result["loss_cls"]) == 1
    assert [float(v) for v in result["loss_levels"]] == [0.5, 1.5]
    assert float(result["acc"]) == 5
