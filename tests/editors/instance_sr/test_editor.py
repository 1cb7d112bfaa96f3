"""The editor as the pipeline and mmagic see it."""

import pytest
import torch

from mmisr.editors.instance_sr.net import SCALES
from mmisr.openmmlab.editor import MagicDataSample
from mmisr.ops.macs import count_macs
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

ORDER = {
    f"{k}_{w}": v
    for k in ("gt", "img")
    for w, v in (("channel_order", "RGB"), ("color_type", "color"))
}
SMALL = {"channels": 8, "blocks": (1, 1, 1)}


def build(**keys):
    torch.manual_seed(0)
    editor = MODELS.build({"type": "mmisr.InstanceSR", "size": SMALL, **keys}).eval()
    for parameter in editor.net.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return editor


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("token", "hw"), [(8, (1, 1)), (8, (5, 7)), (8, (17, 24)), (16, (33, 9)), (32, (31, 40))]
)
@torch.no_grad()
def test_size_is_exact_for_odd_and_tiny_inputs(scale, token, hw):
    editor = build(scale=scale, token_size=token)
    result = editor.upscale(torch.rand(2, 3, *hw))
    assert result.image.shape == (2, 3, hw[0] * scale, hw[1] * scale)
    assert 0 <= result.image.min() <= result.image.max() <= 1
    assert result.routing.exits.shape == (2, -(-hw[0] // token), -(-hw[1] // token))
    assert result.routing.token_size == token


def test_info_states_the_facts():
    info = MODELS.build(
        {"type": "mmisr.InstanceSR", "size": "base", "scale": 3, "token_size": 16}
    ).info
    assert (info.name, info.scale, info.multiple_of, info.min_size) == (
        "instance_sr_base",
        3,
        16,
        16,
    )
    assert info.adaptive
    assert info.trainable


@pytest.mark.parametrize(
    "router", ["learned", "oracle", "edge", "random", "random:0.4", "fixed:1", "all-hard"]
)
@torch.no_grad()
def test_result_does_not_depend_on_the_batch(router):
    editor = build(router=router, execution={"halo": 2})
    lr = torch.rand(3, 3, 37, 50)
    boxes = [torch.tensor([[4.0, 4, 9, 9]]), torch.zeros((0, 4)), torch.tensor([[0.0, 0, 30, 30]])]
    hints = [ImageHints(boxes_lr=b, seed=s) for b, s in zip(boxes, (1, 2, 3), strict=True)]
    together = editor.upscale(lr, hints)
    for i in range(3):
        alone = editor.upscale(lr[i : i + 1], [hints[i]])
        assert torch.equal(alone.routing.exits[0], together.routing.exits[i])
        torch.testing.assert_close(alone.image[0], together.image[i], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "router", ["learned", "oracle", "edge", "random:0.4", "all-hard", "fixed:0"]
)
@pytest.mark.parametrize("hw", [(40, 48), (33, 41)])
@torch.no_grad()
def test_macs_charge_everything_that_runs(router, hw):
    editor = build(router=router, execution={"halo": 2})
    lr = torch.rand(1, 3, *hw)
    hints = [ImageHints(boxes_lr=torch.tensor([[4.0, 4, 9, 9], [20, 20, 36, 36]]), seed=1)]
    exits = editor.upscale(lr, hints).routing.exits[0]
    assert editor.macs(hw, exits) == count_macs(editor.upscale, lr, hints)


@torch.no_grad()
def test_aux_has_what_the_encoder_said_where_it_ran():
    lr = torch.rand(1, 3, 16, 24)
    aux = build().upscale(lr).aux
    assert aux["logits"].shape == (1, 3, 2, 3)
    assert aux["boxes"].shape == (1, 4, 2, 3)
    assert build(router="all-hard").upscale(lr).aux is None


@torch.no_grad()
def test_training_and_evaluation_agree_with_the_full_halo():
    editor = build()
    lr = torch.rand(2, 3, 40, 48)
    sparse = editor.upscale(lr)
    dense = editor.train().upscale(lr)
    assert torch.equal(sparse.routing.exits, dense.routing.exits)
    torch.testing.assert_close(dense.image.clamp(0, 1), sparse.image, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_router_changes_at_test_time_and_the_weights_stay():
    editor = build()
    lr, before = torch.rand(1, 3, 16, 16), {k: v.clone() for k, v in editor.state_dict().items()}
    editor.route_by("all-hard")
    assert (editor.upscale(lr).routing.exits == 2).all()
    editor.route_by("learned", {"hard_share": 0.5})
    assert (editor.upscale(lr).routing.exits > 0).sum() == 2
    assert all(torch.equal(v, before[k]) for k, v in editor.state_dict().items())


def test_a_strategy_can_train_through_the_editor():
    editor = build().train()
    lr = torch.rand(1, 3, 16, 16, requires_grad=True)
    editor.upscale(lr).image.mean().backward()
    assert lr.grad.abs().sum() > 0
    assert all(p.grad is not None for p in editor.net.decoder.blocks[0].parameters())


@torch.no_grad()
def test_samples_carry_their_routing_map_after_prediction():
    editor = build(router="oracle")
    samples = []
    for img_id, box in ((1, [0.0, 0, 6, 6]), (2, [8.0, 0, 16, 16])):
        sample = MagicDataSample(metainfo={"img_id": img_id, "boxes_lr": [box], **ORDER})
        sample.set_tensor_data({"gt_img": torch.zeros(3, 64, 64)})
        samples.append(sample)
    sample = MagicDataSample.stack(samples)
    found = editor(torch.rand(2, 3, 16, 16), sample, mode="predict")
    assert [s.output.pred_img.shape for s in found] == [(3, 64, 64)] * 2
    assert found[0].output.pred_img.max() > 1, "0 to 255, as mmagic's metrics expect"
    assert found[0].routing.exits.tolist() == [[[2, 0], [0, 0]]]
    assert found[1].routing.exits.tolist() == [[[0, 1], [0, 1]]]


def test_checkpoints_load_alone_and_from_a_pair(tmp_path):
    editor = build()
    state = editor.state_dict()
    torch.save({"state_dict": state}, tmp_path / "alone.pth")
    pair = {f"editor.{k}": v for k, v in state.items()} | {"detector.weight": torch.zeros(1)}
    torch.save({"state_dict": pair}, tmp_path / "pair.pth")
    for name in ("alone.pth", "pair.pth"):
        config = {"type": "mmisr.InstanceSR", "size": SMALL, "checkpoint": str(tmp_path / name)}
        loaded = MODELS.build(config)
        loaded.init_weights()
        assert all(torch.equal(v, state[k]) for k, v in loaded.state_dict().items())


@pytest.mark.parametrize("keys", [{"scale": 2}, {"size": "nano"}])
def test_checkpoints_of_another_scale_or_size_are_refused(tmp_path, keys):
    path = tmp_path / "other.pth"
    torch.save({"state_dict": build().state_dict()}, path)
    with pytest.raises(
        ValueError, match="does not fit InstanceSR: another architecture, size or scale"
    ):
        MODELS.build({"type": "mmisr.InstanceSR", "size": SMALL, "checkpoint": str(path), **keys})


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        ({"scale": 6}, ValueError, "scale must be one of .2, 3, 4, 8., got 6"),
        ({"token_size": 10}, ValueError, "token_size must be 8, 16 or 32, got 10"),
        ({"size": "large"}, ValueError, r"size must be one of \['base', 'nano'\].*got 'large'"),
        ({"size": {"channels": 8}}, TypeError, "blocks"),
        ({"router": "best"}, ValueError, "router must be one of .*got 'best'"),
        ({"execution": {"hallo": 4}}, TypeError, "hallo"),
        ({"execution": {"easy": "bicubic"}}, ValueError, "easy must be 'exit1' or 'interpolate'"),
        ({"execution": {"budget": {"share": 1}}}, TypeError, "share"),
        ({"labels": {"small": 8}}, TypeError, "small"),
        ({"loss": {"rec": 8}}, TypeError, "rec"),
        ({"stages": 3}, TypeError, "stages"),
        ({"checkpoint": "no/such.pth"}, FileNotFoundError, "no/such.pth does not exist"),
    ],
)
def test_config_errors_name_the_key(keys, error, text):
    with pytest.raises(error, match=text):
        MODELS.build({"type": "mmisr.InstanceSR", **keys})


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda e: e.upscale(torch.rand(1, 3, 16, 16)), "router 'oracle' needs boxes"),
        (lambda e: e.upscale(torch.rand(2, 3, 16, 16), [ImageHints()]), "one entry per image"),
        (lambda e: e.upscale(torch.rand(1, 1, 16, 16)), r"must have shape \(B, 3, H, W\)"),
        (
            lambda e: e.macs((17, 16), torch.zeros(2, 2)),
            r"exits must be \(3, 2\) tokens for an LR image of \(17, 16\)",
        ),
        (lambda e: e.set_stage("all"), "stage must be one of .* got 'all'"),
    ],
)
def test_bad_input_is_named(call, text):
    with pytest.raises(ValueError, match=text):
        call(build(router="oracle"))
