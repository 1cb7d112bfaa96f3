"""The pair of the README, written to a folder as a user would, trains and tests."""

import json
import pickle
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MessageHub

from mmisr.apis.test import Pictures, test
from mmisr.apis.train import train
from mmisr.openmmlab.detector import DetDataSample
from mmisr.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[2]
SIDE = 96
"""Pixels: enough for x4 and for the strides of YOLOX, little to compute."""

QUICK = {
    "train_cfg.max_epochs": 1,
    "default_hooks.checkpoint.interval": 1,
    "train_dataloader.num_workers": 0,
}
ALONE = {"test_dataloader.num_workers": 0}
SIMULATED = re.compile(
    r"    dict\(type=\"mmisr.CropToMultiple\".*\n    dict\(type=\"mmisr.SimulateLR\".*\n"
)


def example() -> str:
    """The python block of the section."""
    section = (
        (ROOT / "README.md")
        .read_text()
        .split("## Your detector, with SR in front")[1]
        .split("\n## ")[0]
    )
    blocks = re.findall(r"```python\n(.*?)```", section, re.S)
    assert len(blocks) == 1
    return blocks[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, cut_outs) -> Iterator[Path]:
    """A user's folder: the config, the data, and weights under the names that the example gives."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "my_pair.py").write_text(example())
    cut_outs(folder / "data" / "tree_crowns", SIDE)
    shutil.copy(
        ROOT / "checkpoints" / "instance-sr-nano-x4_tree-crowns.pth", folder / "instance_sr.pth"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        cfg = Config.fromfile("my_pair.py")
        torch.manual_seed(0)
        model = MODELS.build({**cfg.model, "checkpoints": None})
        torch.save({"state_dict": model.detector.state_dict()}, "my_yolox.pth")
        yield folder


@pytest.fixture(scope="module")
def trained(folder) -> Path:
    """The checkpoint after one epoch."""
    train("my_pair.py", "work", cfg_options=QUICK)
    return folder / "work" / "epoch_1.pth"


def test_it_trains_what_its_strategy_says(folder, trained):
    after = torch.load(trained, weights_only=False)["state_dict"]
    before = MODELS.build(Config.fromfile("my_pair.py").model).state_dict()
    moved = {
        name.partition(".")[0]
        for name, value in before.items()
        if not torch.equal(value, after[name])
    }
    assert moved == {"detector"}


def test_it_tests_with_predictions_and_pictures(folder, trained):
    metrics = test(
        "my_pair.py",
        trained,
        "plain",
        "plain.pkl",
        Pictures(show_dir="pictures"),
        cfg_options=ALONE,
    )
    content = json.loads((folder / "data/tree_crowns/val.json").read_text())
    assert metrics["bbox/count"] == len(content["annotations"])
    assert {p.name for p in folder.glob("plain/*/pictures/*.png")} == {
        i["file_name"] for i in content["images"]
    }
    for found in pickle.loads((folder / "plain.pkl").read_bytes()):
        boxes = found["pred_instances"]["bboxes"]
        assert tuple(found["ori_shape"]) == (SIDE, SIDE)
        assert len(boxes)
        assert 0 <= boxes.min() <= boxes.max() <= SIDE
        assert boxes.max() > SIDE / 2, "these look like boxes in the LR frame"


def test_augmentation_sees_lr_although_the_base_brings_a_pipeline_of_its_own(folder, trained):
    """mmdet's YOLOX configs carry a `tta_pipeline` that makes no LR image.

    Taken as it is, the editor would see HR.
    """
    assert "tta_pipeline" in Config.fromfile("my_pair.py")
    metrics = test("my_pair.py", trained, "tta", "tta.pkl", tta=True, cfg_options=ALONE)
    assert metrics["bbox/count"] > 0
    for found in pickle.loads((folder / "tta.pkl").read_bytes()):
        assert tuple(found["lr_shape"]) == (SIDE // 4, SIDE // 4)
        assert (
            0
            <= found["pred_instances"]["bboxes"].min()
            <= found["pred_instances"]["bboxes"].max()
            <= SIDE
        )


def test_weights_that_the_config_names_need_no_checkpoint(folder):
    assert test("my_pair.py", None, "named", cfg_options=ALONE)["bbox/count"] > 0
    with pytest.raises(
        ValueError,
        match=r"no checkpoint was given, and the config's model names no weights \(checkpoints",
    ):
        test("my_pair.py", None, "bare", cfg_options={"model.checkpoints": None, **ALONE})


def test_native_lr_as_the_text_says(folder):
    """The LR image is then the image file, and boxes come back in its frame."""
    text, changed = SIMULATED.subn('    dict(type="mmisr.NativeLR"),\n', example())
    assert changed == 1
    (folder / "native.py").write_text(text)
    cfg = Config.fromfile("native.py")
    batch = pseudo_collate([DATASETS.build(cfg.test_dataloader.dataset)[0]])
    assert tuple(batch["inputs"][0].shape) == (3, SIDE, SIDE)
    with torch.no_grad():
        found = MODELS.build(cfg.model).eval().test_step(batch)[0].pred_instances.bboxes
    assert len(found)
    assert 0 <= found.min() <= found.max() <= SIDE


def test_an_image_smaller_than_a_token(folder):
    """5 x 3 pixels where a token has 8 and the deepest stride of the detector is 32."""
    pair = MODELS.build(Config.fromfile("my_pair.py").model).eval()
    sample = DetDataSample(metainfo={"img_id": 1, "source_shape": (12, 20), "ori_shape": (12, 20)})
    with torch.no_grad():
        found = pair.test_step(
            {"inputs": [torch.randint(0, 256, (3, 3, 5)).byte()], "data_samples": [sample]}
        )[0]
    boxes = found.pred_instances.bboxes
    assert boxes.isfinite().all()
    assert (boxes >= 0).all()
    assert (boxes <= torch.tensor([20, 12, 20, 12])).all()


def test_a_step_in_mixed_precision(folder):
    """As `--amp` runs it; on the CPU in bfloat16, which mmengine's own wrapper does not offer."""
    cfg = Config.fromfile("my_pair.py")
    model = MODELS.build(cfg.model).train()
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = model.data_preprocessor(pseudo_collate([dataset[0]]), True)
    MessageHub.get_current_instance().update_info(
        "iter", 0
    )  # a Runner does; YOLOX resizes its batches by it
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model(**batch, mode="loss")
    loss, log = model.parse_losses(losses)
    loss.backward()
    assert all(value.isfinite().all() for value in log.values())
    assert all(p.grad.isfinite().all() for p in model.detector.parameters() if p.grad is not None)
    assert any(
        p.grad is not None and p.grad.abs().sum() > 0 for p in model.detector.backbone.parameters()
    )


def test_amp_needs_a_gpu(folder):
    if torch.cuda.is_available():
        train("my_pair.py", "amp", amp=True, cfg_options=QUICK)
        assert (folder / "amp" / "epoch_1.pth").is_file()
        return
    with pytest.raises(
        ValueError, match="--amp needs a GPU, .* does not run on 'cpu'; leave it out"
    ):
        train("my_pair.py", "amp", amp=True, cfg_options=QUICK)


HOOKS = {
    "custom_hooks = _base_.custom_hooks": "YOLOXModeSwitchHook, which ends Mosaic "
    ".*SRCocoDataset.* has neither: leave it out",
    'custom_hooks = [dict(type="PipelineSwitchHook", switch_epoch=280, '
    "switch_pipeline=_base_.train_pipeline)]": (
        "PipelineSwitchHook, which switches at epoch 280 .* end in mmisr.PackSRDetInputs, or leave "
        "it out"
    ),
}


@pytest.mark.parametrize(("line", "text"), HOOKS.items(), ids=["ends Mosaic", "switches pipelines"])
def test_hooks_that_would_break_late_are_refused_at_once(folder, line, text):
    """In epochs 285 and 280 of 300."""
    content, changed = re.subn(r"(?m)^custom_hooks = .*$", line, example())
    assert changed == 1
    (folder / "hooks.py").write_text(content)
    with pytest.raises(ValueError, match=text):
        train("hooks.py", "hooks", cfg_options=QUICK)


def test_data_of_the_base_is_refused_at_once(folder):
    """A pair without data of its own has mmdet's pipeline; its unscoped names are mmdet's."""
    text = example()
    (folder / "bare.py").write_text(text[: text.index("pipeline = [")])
    with pytest.raises(
        ValueError,
        match=r"bare.py must end in mmisr.PackSRDetInputs, found PackDetInputs: .*mmisr.NativeLR",
    ):
        test("bare.py", "my_yolox.pth", "bare")
    with pytest.raises(
        ValueError,
        match=r"bare.py must end in mmisr.PackSRDetInputs, found PackDetInputs: .*mmisr.NativeLR",
    ):
        train("bare.py", "bare")
