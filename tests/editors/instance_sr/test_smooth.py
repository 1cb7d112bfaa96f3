"""No grid of sub-pixels on smooth areas.

At the start, while it learns, and in the checkpoint that is published.
"""

from pathlib import Path

import pytest
import torch

from mmisr.editors.instance_sr.decoder import SIZES, Decoder
from mmisr.editors.instance_sr.losses import STEEPEST, LossWeights, smooth_images, smooth_loss
from mmisr.editors.instance_sr.net import SCALES
from mmisr.openmmlab.checkpoints import load_state

PUBLISHED = Path(__file__).parents[3] / "checkpoints" / "instance-sr-nano-x4_tree-crowns.pth"
COLOURS = [
    (0, 0, 0),
    (0.25, 0.25, 0.25),
    (0.5, 0.5, 0.5),
    (1, 1, 1),
    (0.2, 0.4, 0.2),
    (0.5, 0.6, 0.8),
    (0.3, 0.25, 0.2),
]
HALF_A_GREY_LEVEL = 0.5 / 255


def phase_spread(decoder, colour):
    """How far the sub-pixels of a flat image lie apart, at most, by exit; far from the border."""
    scale = decoder.scale
    lr = (
        torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 48, 48).contiguous()
    )
    with torch.no_grad():
        images = decoder.all_exits(lr)
    inner = [image[0, :, 20 * scale : 28 * scale, 20 * scale : 28 * scale] for image in images]
    phases = [i.reshape(3, 8, scale, 8, scale).mean((1, 3)).flatten(1) for i in inner]
    return [float((p.amax(1) - p.amin(1)).max()) for p in phases]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", ["nano", "base"])
def test_no_subpixel_stands_out_at_the_start(scale, size):
    decoder = Decoder(scale, SIZES[size])
    assert max(phase_spread(decoder, (0.3, 0.5, 0.7))) < 1e-6
    assert decoder.exits[2].weight.std() > 0


@pytest.mark.parametrize("colour", COLOURS)
def test_a_flat_image_comes_out_of_the_published_checkpoint_without_a_grid(colour):
    state = load_state(PUBLISHED)
    decoder = Decoder(4, SIZES["nano"])
    decoder.load_state_dict(
        {k.split("decoder.", 1)[1]: v for k, v in state.items() if "decoder." in k}
    )
    assert max(phase_spread(decoder, colour)) <= HALF_A_GREY_LEVEL


def test_smooth_images_are_one_colour_under_a_ramp():
    images = smooth_images(16, 12, torch.zeros(1, dtype=torch.float64))
    assert images.shape == (16, 3, 12, 12)
    assert images.dtype == torch.float64
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.diff(dim=-1).abs().max() <= STEEPEST + 1e-12
    assert images.mean((2, 3)).std(0).min() > 0.1


def test_smooth_loss_is_what_the_exits_add():
    interpolated = torch.rand(2, 3, 8, 8)
    assert smooth_loss([interpolated, interpolated], interpolated) == 0
    assert smooth_loss([interpolated + 0.3, interpolated], interpolated).item() == pytest.approx(
        0.15, abs=1e-6
    )


def test_smooth_loss_takes_a_grid_away():
    torch.manual_seed(0)
    decoder = Decoder(2, SIZES["nano"])
    for exit_conv in decoder.exits:
        torch.nn.init.normal_(exit_conv.weight, std=1e-2)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-3)
    before = max(phase_spread(decoder, COLOURS[4]))
    for _ in range(60):
        images = smooth_images(4, 16, torch.zeros(1))
        loss = smooth_loss(decoder.all_exits(images), decoder.enlarge(decoder.skip(images)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert max(phase_spread(decoder, COLOURS[4])) < before / 3


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match=r"loss\.smooth must be >= 0, got -1"):
        LossWeights(smooth=-1)
