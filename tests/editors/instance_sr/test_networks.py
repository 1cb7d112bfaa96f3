"""Encoder and decoder: shapes, cost, and what an exit is."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmisr.editors.instance_sr.decoder import SIZES, Decoder, DecoderSize
from mmisr.editors.instance_sr.encoder import Encoder
from mmisr.editors.instance_sr.net import SCALES, InstanceSRNet
from mmisr.ops.macs import count_macs

ALLOWED = (nn.Conv2d, nn.Linear, nn.ReLU, nn.Sequential, nn.ModuleList, nn.Identity)


@pytest.mark.parametrize("token", [8, 16, 32])
@pytest.mark.parametrize("grid", [(1, 1), (3, 2)])
def test_encoder_gives_three_logits_and_a_box_per_token(token, grid):
    lr = torch.rand(2, 3, grid[0] * token, grid[1] * token)
    encoder = Encoder(token)
    logits, boxes = encoder(lr)
    assert logits.shape == (2, 3, *grid)
    assert boxes.shape == (2, 4, *grid)
    assert encoder.macs((grid[0] * token, grid[1] * token)) == count_macs(encoder, lr[:1])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", ["nano", "base"])
def test_encoder_costs_less_than_5_percent_of_the_dense_decoder(scale, size):
    net = InstanceSRNet(scale, SIZES[size])
    lr = torch.rand(1, 3, 32, 32)
    dense = count_macs(
        lambda x: net.decoder.leave(
            2, net.decoder.blocks[2](net.decoder.blocks[1](net.decoder.trunk(x)))
        ),
        lr,
    )
    assert count_macs(net.encoder, lr) < 0.05 * dense


def test_layers_are_those_of_the_paper():
    net = InstanceSRNet(4, DecoderSize(8, (1, 1, 1), fusion=True))
    leaves = {type(m) for m in net.modules() if not list(m.children())}
    assert leaves <= set(ALLOWED)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("easy", ["exit1", "interpolate"])
def test_exits_have_the_size_of_the_sr_image(scale, easy):
    decoder = Decoder(scale, DecoderSize(8, (1, 1, 2)), easy)
    images = decoder.all_exits(torch.rand(2, 3, 16, 24))
    assert [tuple(i.shape) for i in images] == [(2, 3, 16 * scale, 24 * scale)] * 3


def test_fresh_exits_start_at_the_bilinear_skip():
    torch.manual_seed(0)
    lr = torch.rand(1, 3, 16, 16)
    decoder = Decoder(4, DecoderSize(32, (1, 2, 3), fusion=True))
    for image in decoder.all_exits(lr):
        assert (image - F.interpolate(lr, scale_factor=4, mode="bilinear")).abs().mean() < 0.05
    sr = torch.rand(1, 3, 8, 8)
    assert torch.equal(decoder.fusion(sr), sr)


def test_interpolated_easy_tokens_are_the_skip_itself(make_net):
    decoder = make_net(easy="interpolate").decoder
    lr = torch.rand(1, 3, 8, 8)
    expected = F.interpolate(lr, scale_factor=4, mode="bilinear", align_corners=False)
    torch.testing.assert_close(decoder.all_exits(lr)[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("hw", [(1, 1), (5, 7), (16, 9)])
def test_the_skip_is_bilinear_interpolation(scale, hw):
    decoder, lr = Decoder(scale, DecoderSize(4, (1, 1, 1))), torch.rand(2, 3, *hw)
    expected = F.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
    torch.testing.assert_close(decoder.enlarge(decoder.skip(lr)), expected, rtol=0, atol=1e-6)


def test_stitch_takes_every_token_from_its_exit(make_net):
    decoder = make_net(scale=2).decoder
    images = [torch.full((1, 3, 32, 32), float(k)) for k in range(3)]
    exits = torch.tensor([[[0, 1], [2, 0]]])
    sr = decoder.stitch(images, exits, 8)
    assert [sr[0, 0, y, x].item() for y, x in ((0, 0), (15, 16), (16, 15), (31, 31))] == [
        0,
        1,
        2,
        0,
    ]


def test_the_full_halo_is_how_far_the_deep_blocks_see(make_net):
    """The full halo is exactly how far the deep blocks and their exit see."""
    decoder = make_net(blocks=(1, 1, 1)).decoder
    features = torch.rand(1, 8, 31, 31)
    changed = features.clone()
    changed[..., 15, 15] += 1
    with torch.no_grad():
        first, second = (
            decoder.leave(2, decoder.blocks[2](decoder.blocks[1](x)), padding=1)
            for x in (features, changed)
        )
    rows = (first - second).abs().amax((0, 1, 3)) > 0
    assert rows.nonzero().flatten().tolist() == list(
        range(15 - decoder.full_halo, 16 + decoder.full_halo)
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: InstanceSRNet(5, SIZES["nano"]), "scale must be one of .2, 3, 4, 8., got 5"),
        (lambda: InstanceSRNet(4, SIZES["nano"], 12), "token_size must be 8, 16 or 32, got 12"),
        (
            lambda: Decoder(4, SIZES["nano"], "bicubic"),
            "easy must be 'exit1' or 'interpolate', got 'bicubic'",
        ),
        (lambda: DecoderSize(8, (1, 0, 1)), "three blocks of >= 1 units"),
        (lambda: DecoderSize(0, (1, 1, 1)), "channels >= 1"),
    ],
)
def test_unsupported_values_are_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()
