"""Windows leave no seams.

Across the borders of deep tokens the image changes as the dense network's does.
"""

from pathlib import Path

import pytest
import torch

from mmisr.ops.tokens import spread
from mmisr.registry import MODELS

CHECKPOINT = Path(__file__).parents[3] / "checkpoints" / "instance-sr-nano-x4_tree-crowns.pth"


@pytest.fixture(scope="module")
def decoder():
    return (
        MODELS.build({"type": "mmisr.InstanceSR", "checkpoint": str(CHECKPOINT)}).eval().net.decoder
    )


@pytest.fixture(scope="module")
def exits():
    """A third of the tokens, in clusters as instances are."""
    torch.manual_seed(0)
    near = torch.nn.functional.avg_pool2d(torch.rand(1, 1, 8, 10), 3, 1)[:, 0]
    return torch.where(near > near.quantile(0.6), 2, 0)


def steps(image, deep):
    """Mean absolute change across the borders of two deep tokens, over that within deep tokens."""
    change = (image[0, :, :, 1:] - image[0, :, :, :-1]).abs().mean(0)
    both = deep[:, 1:] & deep[:, :-1]
    at_border = (torch.arange(1, image.shape[-1]) % 32 == 0).expand_as(both)
    return float(change[both & at_border].mean() / change[both & ~at_border].mean())


@pytest.fixture(scope="module")
def seams(decoder, exits, street, make_sparse):
    """How much larger the steps at token borders are than the dense network's, by the halo."""
    lr = street[0][None]
    deep = spread(exits, 32)[0, 0] > 0

    @torch.no_grad()
    def larger(halo):
        windows = make_sparse(decoder, halo=halo, partition="rectangles")(lr, exits)
        expected = make_sparse(decoder, partition="dense")(lr, exits)
        return steps(windows, deep) / steps(expected, deep) - 1

    return larger


@pytest.mark.parametrize(("halo", "most"), [(None, 1e-4), (4, 0.03), (2, 0.2)])
def test_token_borders_are_like_any_other_place(seams, halo, most):
    """The README says what a halo of 2 leaves; 4 leaves what nobody sees, the full halo nothing."""
    assert abs(seams(halo)) < most


def test_no_halo_would_be_seen(seams):
    """The measure can fail."""
    assert abs(seams(0)) > 0.03
