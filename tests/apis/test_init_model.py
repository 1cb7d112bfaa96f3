"""``init_model`` and what it says when config or checkpoint are wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmisr.apis import init_model
from mmisr.apis.checks.checkpoints import check_resumable
from mmisr.apis.checks.data import check_classes
from mmisr.apis.models import dataset_meta
from mmisr.openmmlab.checkpoints import load_state
from mmisr.pipeline.sr_detector import SRDetector

PIPELINE = [
    {"type": "mmisr.LoadImage"},
    {"type": "mmisr.NativeLR"},
    {"type": "mmisr.PackSRDetInputs"},
]


class RunsCode:
    """Unpickling it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def config(detector_config) -> Config:
    return Config(
        {
            "default_scope": "mmisr",
            "model": {
                "type": "mmisr.SRDetector",
                "editor": {"type": "mmisr.Resample", "scale": 2},
                "detector": detector_config,
            },
            "test_dataloader": {
                "dataset": {
                    "type": "mmisr.SRCocoDataset",
                    "metainfo": {"classes": ("thing", "stuff")},
                    "pipeline": PIPELINE,
                }
            },
        }
    )


@pytest.fixture
def checkpoint(config, tmp_path) -> Path:
    path = tmp_path / "pair.pth"
    meta = {"dataset_meta": {"classes": ("cat", "dog"), "palette": [(1, 2, 3), (4, 5, 6)]}}
    torch.manual_seed(1)
    torch.save({"state_dict": init_model(config).state_dict(), "meta": meta}, path)
    return path


def test_the_model_is_ready(config, checkpoint):
    model = init_model(config, checkpoint)
    assert isinstance(model, SRDetector)
    assert not model.training
    assert model.cfg.model.type == "mmisr.SRDetector"
    assert model.dataset_meta["classes"] == ("cat", "dog")
    assert model.dataset_meta["palette"] == [(1, 2, 3), (4, 5, 6)]
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(saved[k], v) for k, v in model.state_dict().items())


def test_without_checkpoint_the_config_names_the_classes(config):
    model = init_model(config, cfg_options={"model.editor.scale": 3})
    assert model.editor.info.scale == 3
    assert model.dataset_meta["classes"] == ("thing", "stuff")


@pytest.mark.parametrize(
    ("dataset", "meta", "classes", "palette"),
    [
        ({"type": "mmisr.SRCocoDataset", "metainfo": {"classes": "tree"}}, {}, ("tree",), None),
        (
            {
                "type": "mmisr.SRCocoDataset",
                "metainfo": {"classes": ("a",), "palette": [(9, 9, 9)]},
            },
            {},
            ("a",),
            [(9, 9, 9)],
        ),
        (
            {
                "type": "mmisr.SRCocoDataset",
                "metainfo": {"classes": ("a", "b"), "palette": [(9, 9, 9)]},
            },
            {},
            ("a", "b"),
            "random",
        ),
        (
            {"type": "mmisr.SRCocoDataset"},
            {"dataset_meta": {"CLASSES": ["x", "y"]}},
            ("x", "y"),
            None,
        ),
        (
            {
                "type": "RepeatDataset",
                "dataset": {"type": "mmisr.SRCocoDataset", "metainfo": {"classes": ("a",)}},
            },
            {},
            ("a",),
            None,
        ),
    ],
)
def test_classes_and_colours(dataset, meta, classes, palette):
    found = dataset_meta(Config({"test_dataloader": {"dataset": dataset}}), meta)
    assert found["classes"] == classes
    assert palette is None or found["palette"] == palette


def test_classes_of_the_data_set_class_come_last():
    found = dataset_meta(
        Config({"test_dataloader": {"dataset": {"type": "mmdet.CocoDataset"}}}), {}
    )
    assert len(found["classes"]) == 80
    assert found["classes"][2] == "car"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"test_dataloader": None},
            "has no test_dataloader.dataset: inherit one of configs/_base_/datasets",
        ),
        (
            {"test_dataloader.dataset.pipeline": None},
            "has no test pipeline: set test_dataloader.dataset.pipeline",
        ),
        (
            {"test_dataloader.dataset.pipeline": [{"type": "mmdet.PackDetInputs"}]},
            "must end in mmisr.PackSRDetInputs, found mmdet.PackDetInputs: a plain mmdet pipeline "
            "has no LR image",
        ),
        (
            {"test_dataloader.dataset.metainfo.classes": ("a", "b", "c")},
            r"bbox_head predicts 2 classes, the data has 3 \(a, b, c\): set num_classes=3",
        ),
    ],
)
def test_wrong_configs(config, change, text):
    with pytest.raises(ValueError, match=text):
        init_model(config, cfg_options=change)


def test_a_config_without_model():
    with pytest.raises(ValueError, match="has no `model`"):
        init_model(Config({"default_scope": "mmisr"}))


@pytest.mark.parametrize(
    ("what", "call"),
    [("config", lambda p, c: init_model(p)), ("checkpoint", lambda p, c: init_model(c, p))],
)
def test_missing_files_are_named(config, what, call):
    with pytest.raises(FileNotFoundError, match=f"{what} nowhere/x.py does not exist"):
        call("nowhere/x.py", config)


def test_unknown_key_fails_by_name(config):
    with pytest.raises(TypeError, match="tiled"):
        init_model(config, cfg_options={"model.editor.tiled": True})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"detector.bbox_head.num_classes": 3},
            "6 of another shape: detector.bbox_head.multi_level_conv_cls.0.weight",
        ),
        (
            {"detector.backbone.widen_factor": 0.25, "detector.neck.in_channels": [64, 128, 256]},
            "of another shape",
        ),
        (
            {"detector.bbox_head.stacked_convs": 3},
            "missing: detector.bbox_head.multi_level_cls_convs.0.2",
        ),
    ],
)
def test_checkpoint_of_another_architecture(config, checkpoint, change, text):
    options = {f"model.{k}": v for k, v in change.items()}
    options["test_dataloader.dataset.metainfo"] = {"_delete_": True}
    with pytest.raises(
        ValueError,
        match=f"pair.pth does not fit SRDetector: another architecture, size or scale.*{text}",
    ):
        init_model(config, checkpoint, cfg_options=options)


@pytest.mark.parametrize("new_format", [True, False])
def test_a_checkpoint_that_would_run_code_does_not(config, checkpoint, tmp_path, new_format):
    content = torch.load(checkpoint, weights_only=True)
    content["extra"] = RunsCode(tmp_path / "pwned")
    torch.save(content, checkpoint, _use_new_zipfile_serialization=new_format)
    with pytest.raises(
        ValueError, match="pair.pth is not a plain file of weights.*mkdir.*trusted=True"
    ):
        init_model(config, checkpoint)
    with pytest.raises(ValueError, match="not a plain file of weights"):
        check_resumable(init_model(config), checkpoint)
    assert not (tmp_path / "pwned").exists()
    init_model(config, checkpoint, trusted=True)
    assert (tmp_path / "pwned").is_dir()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02cos\nsystem\nq\x00.", b"\x89PNG\r\n" * 99]
)
def test_a_file_that_is_no_checkpoint(config, tmp_path, content):
    path = tmp_path / "text.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="text.pth"):
        init_model(config, path)


def test_a_truncated_checkpoint(config, checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes()[:10_000])
    with pytest.raises(ValueError, match="pair.pth cannot be read.*truncated"):
        init_model(config, checkpoint)


def test_a_checkpoint_without_weights(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(ValueError, match="holds no weights: expected a dict of tensors"):
        load_state(tmp_path / "empty.pth")


def test_classes_are_compared_with_heads_alone():
    """An RPN predicts one class whatever the data has, and no names are no claim."""
    model = torch.nn.ModuleDict({"rpn_head": torch.nn.Identity(), "bbox_head": torch.nn.Identity()})
    model["rpn_head"].num_classes, model["bbox_head"].num_classes = 1, 80
    check_classes(model, ())
    with pytest.raises(
        ValueError, match="bbox_head predicts 80 classes, the data has 1 .tree.: set num_classes=1"
    ):
        check_classes(model, ("tree",))


def test_importing_the_package_costs_nothing():
    code = (
        "import sys, mmisr, mmisr.apis; sys.exit('torch' in sys.modules or 'mmengine' in "
        "sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
