"""A checkpoint that spandrel recognises by its weights alone."""

import pytest
import torch

from mmisr.editors.spandrel.editor import SpandrelSR

pytest.importorskip("spandrel")


@pytest.fixture
def x2(tmp_path):
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2)
    path = tmp_path / "compact.pth"
    torch.save({"params": network.state_dict()}, path)
    return path, network.eval()


def test_the_network_is_recognised(x2):
    path, network = x2
    editor = SpandrelSR(str(path), scale=2).eval()
    assert (editor.info.name, editor.info.scale) == ("compact", 2)
    lr = torch.rand(2, 3, 17, 11)
    with torch.no_grad():
        image = editor.upscale(lr).image
        torch.testing.assert_close(image, network(lr).clamp(0, 1))
    assert tuple(image.shape) == (2, 3, 34, 22)


def test_another_scale_is_refused(x2):
    with pytest.raises(
        ValueError, match=r"SpandrelSR\(scale=4\): checkpoint .*compact.pth is a x2 .*; use scale=2"
    ):
        SpandrelSR(str(x2[0]), scale=4)


def test_unknown_weights_are_refused(tmp_path):
    torch.save({"a.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(
        ValueError,
        match="other.pth is of no architecture that spandrel .* knows.*its 1 weights lie under a; "
        "use mmisr.PlainSR",
    ):
        SpandrelSR(str(tmp_path / "other.pth"))


LAYOUTS = {
    "params_ema": lambda state: {"params_ema": state},
    "params-ema": lambda state: {"params-ema": state},
    "state_dict": lambda state: {"state_dict": state, "meta": {}},
    "model_state_dict": lambda state: {"model_state_dict": state, "epoch": 3},
    "net": lambda state: {"net": state},
    "several processes": lambda state: {"params": {f"module.{k}": v for k, v in state.items()}},
    "mmagic": lambda state: {"state_dict": {f"generator.{k}": v for k, v in state.items()}},
    "mmagic, averaged": lambda state: {
        "state_dict": {
            **{f"generator.{k}": v + 1 for k, v in state.items()},
            **{f"generator_ema.module.{k}": v for k, v in state.items()},
            "generator_ema.steps": torch.tensor(3),
        }
    },
    "with a discriminator": lambda state: {
        "netD.0.weight": torch.zeros(3),
        **{f"netG.{k}": v for k, v in state.items()},
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_network_is_found_wherever_a_trainer_put_it(x2, tmp_path, layout):
    path, network = tmp_path / "other.pth", x2[1]
    torch.save(LAYOUTS[layout](network.state_dict()), path)
    editor = SpandrelSR(str(path), scale=2).eval()
    for name, value in network.state_dict().items():
        assert torch.equal(editor.generator.state_dict()[name], value)


def test_what_a_file_holds_is_said(x2, tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"epoch": 3, "weights": x2[1].state_dict()}, path)
    with pytest.raises(
        ValueError,
        match=r"other.pth holds no weights: .*the keys epoch, weights; 'weights' holds \d+ "
        r"tensors: save that dict alone",
    ):
        SpandrelSR(str(path))
    cases = (
        ("editor.net.a", "the `editor` of the config"),
        ("backbone.a", "it is a detector's"),
        ("generator.a", "mmagic keeps"),
    )
    for name, way_out in cases:
        torch.save({f"{name}.weight": torch.zeros(3, 3)}, path)
        with pytest.raises(
            ValueError, match=rf"its 1 weights lie under {name.split('.')[0]}; .*{way_out}"
        ):
            SpandrelSR(str(path))
