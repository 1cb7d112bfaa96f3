"""Networks of mmagic's behind the common interface."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmisr.editors.plain.editor import PlainSR
from mmisr.openmmlab.editor import MagicDataSample
from mmisr.registry import MODELS

RGB = {"in_channels": 3, "out_channels": 3, "mid_channels": 8}
EDSR = {"type": "mmagic.EDSRNet", **RGB, "num_blocks": 1, "upscale_factor": 2}
SRRESNET = {"type": "mmagic.MSRResNet", **RGB, "num_blocks": 1, "upscale_factor": 4}
RRDB = {"type": "mmagic.RRDBNet", **RGB, "num_blocks": 1, "growth_channels": 4, "upscale_factor": 4}
RDN = {
    "type": "mmagic.RDNNet",
    **RGB,
    "num_blocks": 1,
    "num_layers": 2,
    "channel_growth": 4,
    "upscale_factor": 3,
}
SRCNN = {"type": "mmagic.SRCNNNet", "channels": (3, 4, 4, 3), "upscale_factor": 2}
SWINIR = {
    "type": "mmagic.SwinIRNet",
    "upscale": 2,
    "in_chans": 3,
    "img_size": 16,
    "window_size": 8,
    "img_range": 1.0,
    "depths": [1],
    "embed_dim": 12,
    "num_heads": [2],
    "mlp_ratio": 2,
    "upsampler": "pixelshuffledirect",
}

NETWORKS = {
    "EDSR x2": (EDSR, 2, 1),
    "EDSR x3": ({**EDSR, "upscale_factor": 3}, 3, 1),
    "SRResNet x4": (SRRESNET, 4, 1),
    "RRDB x4": (RRDB, 4, 1),
    "RRDB x2 unshuffles pixels": ({**RRDB, "upscale_factor": 2}, 2, 2),
    "RDN x3": (RDN, 3, 1),
    "SRCNN x2 enlarges first": (SRCNN, 2, 1),
    "SwinIR x2 has windows": (SWINIR, 2, 8),
}
"""Network, factor, and the multiple that LR sizes must be of."""


def plain(generator, scale, **keys) -> PlainSR:
    torch.manual_seed(0)
    return MODELS.build({"type": "mmisr.PlainSR", "generator": generator, "scale": scale, **keys})


@pytest.mark.parametrize(("generator", "scale", "multiple"), NETWORKS.values(), ids=NETWORKS)
def test_output_size_is_exact_for_odd_inputs(generator, scale, multiple):
    editor = plain(generator, scale).eval()
    assert editor.info.multiple_of == multiple
    for hw in [(19, 13), (1, 1), (8, 17)]:
        with torch.no_grad():
            image = editor.upscale(torch.rand(1, 3, *hw)).image
        assert tuple(image.shape) == (1, 3, hw[0] * scale, hw[1] * scale)
        assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize(("generator", "scale", "multiple"), NETWORKS.values(), ids=NETWORKS)
def test_the_network_itself_is_what_runs(generator, scale, multiple):
    editor = plain(generator, scale).eval()
    lr = torch.rand(2, 3, 16, 24)
    with torch.no_grad():
        torch.testing.assert_close(editor.upscale(lr).image, editor.generator(lr).clamp(0, 1))
        torch.testing.assert_close(editor.upscale(lr[1:]).image, editor.upscale(lr).image[1:])


def test_a_given_multiple_is_kept():
    assert plain(EDSR, 2, multiple_of=4).info.multiple_of == 4
    with pytest.raises(
        ValueError,
        match=r"PlainSR\(scale=2\): RRDBNet must turn .* got AssertionError: .*`multiple_of`",
    ):
        plain({**RRDB, "upscale_factor": 2}, 2, multiple_of=1)


def test_wrong_scale_is_refused():
    rule = (
        r"EDSRNet must turn \(1, 3, \d+, \d+\) into \(1, 3, .*\), got \(1, 3, .*\); "
        r".* the same factor as `scale`"
    )
    with pytest.raises(ValueError, match=r"PlainSR\(scale=4\): " + rule):
        plain(EDSR, 4)


@pytest.mark.parametrize(
    ("generator", "found"),
    [
        (
            {**SRRESNET, "in_channels": 1, "out_channels": 1},
            "got RuntimeError: .*expected input.* to have 1 channels",
        ),
        ({**SRCNN, "channels": (3, 4, 4, 1)}, r"got \(1, 1, .*\)"),
        ({"type": "mmagic.LTE", "requires_grad": False, "pixel_range": 1.0}, "got a (list|tuple)"),
    ],
    ids=["grey", "grey out", "features"],
)
def test_networks_that_are_not_from_rgb_to_rgb_are_refused(generator, found, monkeypatch):
    monkeypatch.setattr(
        "torchvision.models.vgg19", lambda **_: pytest.skip("needs weights")
    ) if "LTE" in str(generator) else None
    with pytest.raises(ValueError, match=found + ".*from one RGB image to one"):
        plain(generator, generator.get("upscale_factor", 2))


@pytest.mark.parametrize(
    "prefix", ["", "generator.", "generator_ema.", "generator_ema.module.", "editor.generator."]
)
def test_checkpoints_of_mmagic_and_ours_load(tmp_path, prefix):
    source = plain(EDSR, 2).generator.state_dict()
    torch.save(
        {"state_dict": {f"{prefix}{k}": v + 1 for k, v in source.items()}}, tmp_path / "edsr.pth"
    )
    loaded = plain(EDSR, 2, checkpoint=str(tmp_path / "edsr.pth"))
    loaded.init_weights()
    state = loaded.generator.state_dict()
    assert all(torch.equal(v + 1, state[k]) for k, v in source.items())


def test_averaged_weights_win_and_what_belongs_to_others_is_left(tmp_path):
    """The layout of mmagic's ESRGAN after training with its EMA hook."""
    source = plain(EDSR, 2).generator.state_dict()
    state = {f"generator.{k}": v for k, v in source.items()}
    state |= {f"generator_ema.module.{k}": v + 1 for k, v in source.items()}
    state |= {"generator_ema.steps": torch.tensor(7), "discriminator.conv.weight": torch.zeros(1)}
    torch.save({"state_dict": state}, tmp_path / "gan.pth")
    loaded = plain(EDSR, 2, checkpoint=str(tmp_path / "gan.pth")).generator.state_dict()
    assert all(torch.equal(v + 1, loaded[k]) for k, v in source.items())


@pytest.mark.parametrize(
    ("generator", "scale"),
    [({**EDSR, "upscale_factor": 3}, 3), ({**EDSR, "mid_channels": 4}, 2), (SRCNN, 2)],
)
def test_checkpoint_of_another_network_is_refused(tmp_path, generator, scale):
    path = tmp_path / "x2.pth"
    torch.save(plain(EDSR, 2).generator.state_dict(), path)
    with pytest.raises(
        ValueError, match=r"x2.pth does not fit \w+: another architecture, size or scale"
    ):
        plain(generator, scale, checkpoint=str(path))


def test_missing_checkpoint_is_named():
    with pytest.raises(FileNotFoundError, match=r"checkpoint no/such.pth does not exist"):
        plain(EDSR, 2, checkpoint="no/such.pth")


def test_one_step_alone_lowers_the_pixel_loss():
    editor = plain(EDSR, 2).train()
    torch.manual_seed(1)
    sample = MagicDataSample(gt_img=(torch.rand(3, 24, 20) * 255).round().byte())
    data = {
        "inputs": [torch.randint(0, 256, (3, 12, 10), dtype=torch.uint8)],
        "data_samples": [sample],
    }
    wrapper = OptimWrapper(torch.optim.SGD(editor.parameters(), lr=1e-2))
    losses = [float(editor.train_step(data, wrapper)["loss_pixel"]) for _ in range(3)]
    assert losses[2] < losses[1] < losses[0] < 1


def test_gradients_reach_the_input_and_values_outside_the_range():
    editor = plain(SRCNN, 2).train()
    lr = torch.rand(1, 3, 9, 7, requires_grad=True)
    image = (
        editor.upscale(lr).image - 10
    )  # far below 0: a clamp in training would stop the gradient
    image.square().mean().backward()
    assert lr.grad.abs().min() > 0
    assert all(p.grad.abs().sum() > 0 for p in editor.parameters())
