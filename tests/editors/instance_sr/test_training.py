"""The three stages on a real image: what moves, what is logged, and that it learns."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmisr.editors.instance_sr.hooks import InstanceSRStageHook
from mmisr.openmmlab.editor import MagicDataSample
from mmisr.registry import HOOKS, MODELS

ORDER = {
    f"{k}_{w}": v
    for k in ("gt", "img")
    for w, v in (("channel_order", "RGB"), ("color_type", "color"))
}
CLASSES = ("easy", "moderate", "hard")
SHARES = {f"{who}_{name}" for who in ("labels", "routed") for name in CLASSES}


def build(**keys):
    torch.manual_seed(0)
    config = {"type": "mmisr.InstanceSR", "size": {"channels": 16, "blocks": (1, 1, 1)}, **keys}
    return MODELS.build(config).train()


@pytest.fixture
def batch(street):
    """Two samples as PackSRInputs makes them; one has no boxes."""
    lr, hr, boxes = street

    def pack(flip, boxes):
        meta = {"img_id": int(flip), "boxes_lr": boxes.numpy(), **ORDER}
        sample = MagicDataSample(metainfo=meta)
        image = hr.flip(-1) if flip else hr
        sample.set_tensor_data({"gt_img": (image * 255).round().to(torch.uint8)})
        small = lr.flip(-1) if flip else lr
        return (small * 255).round().to(torch.uint8), sample

    inputs, samples = zip(pack(False, boxes), pack(True, boxes[:0]), strict=True)
    return {"inputs": list(inputs), "data_samples": list(samples)}


def optimizer(editor, lr=2e-3):
    return OptimWrapper(torch.optim.Adam(editor.parameters(), lr=lr))


def snapshot(module):
    return [p.detach().clone() for p in module.parameters()]


def moved(before, module):
    return [not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True)]


@pytest.mark.parametrize(
    ("stage", "decoder_moves", "encoder_moves", "terms"),
    [
        ("decoder", True, False, {"rec", "smooth"}),
        ("encoder", False, True, {"enc", "loc"}),
        ("joint", True, True, {"rec", "smooth", "enc", "loc"}),
    ],
)
def test_a_stage_trains_its_part_alone(batch, stage, decoder_moves, encoder_moves, terms):
    editor = build()
    wrapper = optimizer(editor)
    editor.set_stage("joint")
    editor.train_step(
        batch, wrapper
    )  # fills the optimiser's moments, which must not move frozen weights later
    editor.set_stage(stage)
    decoder, encoder = snapshot(editor.net.decoder), snapshot(editor.net.encoder)
    logs = editor.train_step(batch, wrapper)
    assert {k for k in logs if "loss_" in k} == {f"loss_instance_sr_{term}" for term in terms}
    assert any(moved(decoder, editor.net.decoder)) == decoder_moves
    assert any(moved(encoder, editor.net.encoder)) == encoder_moves
    if stage == "decoder":
        assert all(moved(decoder, editor.net.decoder)), (
            "every exit on every token: no parameter is left out"
        )
    assert all(p.requires_grad == decoder_moves for p in editor.net.decoder.parameters())
    assert all(p.requires_grad == encoder_moves for p in editor.net.encoder.parameters())
    assert all(torch.isfinite(torch.as_tensor(v)).all() for v in logs.values())


def test_logs_have_psnr_of_every_exit_and_the_histograms(batch):
    editor = build()
    editor.set_stage("joint")
    logs = editor.train_step(batch, optimizer(editor))
    assert logs.keys() >= SHARES | {
        "psnr_exit1",
        "psnr_exit2",
        "psnr_exit3",
        "psnr_sr",
        "token_recall",
    }
    for who in ("labels", "routed"):
        assert sum(float(logs[f"{who}_{name}"]) for name in CLASSES) == pytest.approx(1)
    assert float(logs["labels_easy"]) > 0.5
    assert float(logs["labels_moderate"]) > 0
    assert float(logs["labels_hard"]) > 0


@pytest.mark.parametrize(("stage", "steps"), [("decoder", 15), ("encoder", 15), ("joint", 15)])
def test_the_loss_of_a_stage_falls(batch, stage, steps):
    editor = build()
    editor.set_stage(stage)
    wrapper = optimizer(editor)
    losses = [float(editor.train_step(batch, wrapper)["loss"]) for _ in range(steps)]
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])


def test_the_decoder_overtakes_bilinear(batch, street):
    """Thirty steps on one image are enough to beat where the exits start."""
    editor = build()
    editor.set_stage("decoder")
    wrapper = optimizer(editor)
    logs = [editor.train_step(batch, wrapper) for _ in range(30)]
    for k in (1, 2, 3):
        assert logs[-1][f"psnr_exit{k}"] > logs[0][f"psnr_exit{k}"] + 0.2


def test_odd_crops_train(batch):
    """Padding to whole tokens must not enter the loss."""
    editor = build()
    odd = {
        "inputs": [x[:, :37, :43] for x in batch["inputs"]],
        "data_samples": [s.clone() for s in batch["data_samples"]],
    }
    for sample in odd["data_samples"]:
        sample.set_tensor_data({"gt_img": sample.gt_img[:, :148, :172]})
    for stage in ("decoder", "encoder", "joint"):
        editor.set_stage(stage)
        assert torch.isfinite(editor.train_step(odd, optimizer(editor))["loss"])


def runner_of(model, iteration=0):
    return SimpleNamespace(model=model, iter=iteration)


def hook_at(iteration, **keys):
    model = build()
    hook = HOOKS.build(
        {"type": "mmisr.InstanceSRStageHook", "encoder_from": 10, "joint_from": 20, **keys}
    )
    hook.before_train_iter(runner_of(model, iteration), iteration)
    return hook, model


@pytest.mark.parametrize(
    ("iteration", "stage"),
    [
        (0, "decoder"),
        (9, "decoder"),
        (10, "encoder"),
        (19, "encoder"),
        (20, "joint"),
        (999, "joint"),
    ],
)
def test_the_stage_is_a_function_of_the_iteration(iteration, stage):
    """So a run that is resumed anywhere is in the right stage at once."""
    _, model = hook_at(iteration)
    assert model.stage == stage
    assert any(p.requires_grad for p in model.net.encoder.parameters()) == (stage != "decoder")
    assert any(p.requires_grad for p in model.net.decoder.parameters()) == (stage != "encoder")


def test_the_hook_enters_a_stage_once():
    hook, model = hook_at(9)
    model.net.encoder.requires_grad_(True)
    hook.before_train_iter(runner_of(model, 9), 9)
    assert next(model.net.encoder.parameters()).requires_grad, "nothing to do within a stage"
    hook.before_train_iter(runner_of(model, 10), 10)
    assert model.stage == "encoder"


@pytest.mark.parametrize(
    ("shares", "collapsed"),
    [
        ([0.6, 0.1, 0.3], False),
        ([0.9, 0.0, 0.1], False),  # tiny objects alone have no moderate tokens: no collapse
        ([0.99, 0.0, 0.01], False),
        ([1.0, 0.0, 0.0], True),  # easy alone is one
        ([0.999, 0.001, 0.0], True),
        ([0.0, 0.0, 1.0], True),
    ],
)
@pytest.mark.parametrize("who", ["labels", "routed"])
def test_collapse_is_one_class_alone_and_warns_with_the_histogram(who, shares, collapsed):
    hook = InstanceSRStageHook(0, 0)
    text, level = hook.histogram_line(who, dict(zip(CLASSES, shares, strict=True)))
    assert level == (logging.WARNING if collapsed else logging.INFO)
    assert f"easy {shares[0]:.3f}, moderate {shares[1]:.3f}, hard {shares[2]:.3f}" in text
    assert ("collapsed to one class" in text) == collapsed


def test_histograms_are_averaged_and_begin_anew(monkeypatch):
    import mmisr.openmmlab.stages as hooks

    lines = []
    monkeypatch.setattr(
        hooks,
        "print_log",
        lambda text, **keys: lines.append((text, keys.get("level", logging.INFO))),
    )
    hook = InstanceSRStageHook(0, 0, interval=2)
    rows = [([1.0, 0.0, 0.0], None), ([0.5, 0.0, 0.5], None), ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0])]
    for i, (labels, routed) in enumerate(rows):
        outputs = {f"labels_{c}": torch.tensor(v) for c, v in zip(CLASSES, labels, strict=True)}
        if routed is not None:
            outputs |= {
                f"routed_{c}": torch.tensor(v) for c, v in zip(CLASSES, routed, strict=True)
            }
        hook.after_train_iter(runner_of(None, i), i, None, outputs)
    assert lines == [
        ("InstanceSR tokens, labels: easy 0.750, moderate 0.000, hard 0.250", logging.INFO)
    ]
    hook.after_train_epoch(None)
    assert [level for _, level in lines[1:]] == [logging.WARNING, logging.WARNING]
    hook.after_train_epoch(None)
    assert len(lines) == 3, "nothing new, nothing said"


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"encoder_from": 5, "joint_from": 4}, "0 <= encoder_from <= joint_from, got 5 and 4"),
        ({"encoder_from": -1, "joint_from": 4}, "got -1 and 4"),
        ({"encoder_from": 0, "joint_from": 4, "interval": 0}, "interval >= 1"),
        (
            {"encoder_from": 0, "joint_from": 4, "collapse": 2.0},
            "0 < collapse <= 1, got 100 and 2.0",
        ),
    ],
)
def test_bad_stages_are_named(keys, text):
    with pytest.raises(ValueError, match=text):
        InstanceSRStageHook(**keys)


def test_stages_change_under_distributed_data_parallel(batch, tmp_path):
    """What a stage freezes must not leave the reducer waiting for gradients."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/init", rank=0, world_size=1
    )
    try:
        from mmengine.model import MMDistributedDataParallel

        editor = build()
        model = MMDistributedDataParallel(editor, find_unused_parameters=True)
        hook = InstanceSRStageHook(1, 2)
        wrapper = optimizer(model)
        for iteration in range(3):
            hook.before_train_iter(runner_of(model, iteration), iteration)
            logs = model.train_step(batch, wrapper)
            assert torch.isfinite(logs["loss"])
        assert editor.stage == "joint"
    finally:
        torch.distributed.destroy_process_group()
