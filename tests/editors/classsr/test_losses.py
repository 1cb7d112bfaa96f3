"""What teaches the class module."""

import pytest
import torch

from mmisr.editors.classsr.losses import LossWeights, average_loss, class_loss, mixture


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1.0, 0.0, 0.0], 0.0),
        ([0.0, 1.0, 0.0], 0.0),
        ([1 / 3, 1 / 3, 1 / 3], 2.0),
        ([0.5, 0.5, 0.0], 1.0),
        ([1.0, 0.0], 0.0),
        ([0.5, 0.5], 1.0),
    ],
)
def test_class_loss_by_hand(row, expected):
    assert class_loss(torch.tensor([row])).item() == pytest.approx(expected, abs=1e-6)


def test_class_loss_is_the_mean_over_the_tiles():
    rows = torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert class_loss(rows).item() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (torch.eye(3), 0.0),
        (torch.full((6, 3), 1 / 3), 0.0),
        (torch.tensor([[1.0, 0.0, 0.0]] * 6), 1.0),  # (4 + 2 + 2) / 8
        (torch.tensor([[1.0, 0.0]] * 4), 0.5),  # (2 + 2) / 8
    ],
)
def test_average_loss_by_hand(rows, expected):
    assert average_loss(rows).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("loss", [class_loss, average_loss])
def test_gradients_are_right(loss):
    torch.manual_seed(0)
    logits = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x.softmax(1)), logits)


def test_the_mixture_of_a_sure_tile_is_its_branch():
    images = [torch.rand(2, 3, 4, 4) for _ in range(3)]
    sure = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    mixed = mixture(images, sure)
    assert torch.equal(mixed[0], images[1][0])
    assert torch.equal(mixed[1], images[2][1])


def test_negative_weights_are_refused():
    with pytest.raises(ValueError, match="ClassSR.loss: weights must be at least 0"):
        LossWeights(even=-1.0)
