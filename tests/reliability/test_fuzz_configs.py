"""Configs that were damaged in every way that we know.

A run, or one error that says which config and what in it.

A seeded sample in every test run; many more with ``MMISR_FUZZ=2000 python -m pytest
tests/reliability``. Every config goes through the doors in this process: test, compare, export, and
a training of one iteration.
"""

import copy
import math
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmisr.apis.compare import compare
from mmisr.apis.export import export_sr
from mmisr.apis.models import init_model
from mmisr.apis.test import test as run_test
from mmisr.apis.train import train

CASES = int(os.environ.get("MMISR_FUZZ", "30"))
"""Half of them pairs."""

SECONDS, MEGABYTES = 20, 400
VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        17,
        0.5,
        -0.5,
        1e-9,
        1e30,
        -1e300,
        10**30,
        math.nan,
        math.inf,
    ),
    *(
        "",
        " ",
        "0",
        "2",
        "x",
        "none",
        "lr",
        "mmisr.Resample",
        "mmisr.Nothing",
        "mmdet.Resize",
        "nowhere.X",
        "a\0b",
    ),
    *(
        (),
        [],
        [1],
        [1, 2],
        (1, 2, 3),
        ["a"],
        [None],
        [[]],
        [{}],
        {},
        {"a": 1},
        {"type": "mmisr.Resample"},
    ),
    *({"type": None}, {"type": "x"}, {"type": 5}),
]


def editor_config(folder: Path) -> dict:
    """An InstanceSR that is trained and tested alone, with all that it takes written down."""
    load = [{"type": "mmisr.LoadImage"}, {"type": "mmdet.LoadAnnotations", "with_bbox": True}]
    side = {
        "type": "mmisr.SRCocoDataset",
        "data_root": f"{folder}/",
        "ann_file": "all.json",
        "data_prefix": {"img": ""},
        "metainfo": {"classes": ("box", "other")},
    }
    lr = {
        "type": "mmisr.SimulateLR",
        "scale": 2,
        "noise_sigma": (0.0, 5.0),
        "jpeg_quality": (60, 90),
        "seed": 0,
    }
    training = [
        *load,
        {"type": "mmisr.RandomPatch", "size": 64, "around_box": 0.5},
        {"type": "mmdet.RandomFlip", "prob": 0.5},
        {"type": "mmisr.RandomTurn"},
        {**lr, "seed": None},
        {"type": "mmisr.PackSRInputs"},
    ]
    testing = [
        *load,
        {"type": "mmisr.CropToMultiple", "multiple": 2},
        lr,
        {"type": "mmisr.PackSRInputs"},
    ]
    return {
        "train_dataloader": {
            "batch_size": 1,
            "num_workers": 0,
            "sampler": {"type": "InfiniteSampler", "shuffle": True},
            "dataset": {**side, "pipeline": training},
        },
        "test_dataloader": {
            "batch_size": 1,
            "num_workers": 0,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": {**side, "pipeline": testing, "test_mode": True, "bad_boxes": "clip"},
        },
        "test_evaluator": [{"type": "mmisr.RegionQuality", "crop_border": 0}],
        "model": {
            "type": "mmisr.InstanceSR",
            "scale": 2,
            "size": {"channels": 8, "blocks": (1, 1, 1)},
            "token_size": 8,
            "router": "learned",
            "execution": {
                "halo": 2,
                "partition": "auto",
                "easy": "exit1",
                "max_mpix_per_pass": 1.0,
            },
            "labels": {"easy_cover": 0.02, "crowd": 3},
            "loss": {"enc": 0.1, "exits": (0.15, 0.15, 0.7)},
        },
        "train_cfg": {"type": "IterBasedTrainLoop", "max_iters": 1},
        "optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "Adam", "lr": 1e-3}},
        "param_scheduler": [{"type": "CosineAnnealingLR", "by_epoch": False, "begin": 0, "end": 4}],
        "custom_hooks": [
            {"type": "mmisr.InstanceSRStageHook", "encoder_from": 2, "joint_from": 4, "interval": 2}
        ],
        "default_hooks": {
            "checkpoint": {"type": "CheckpointHook", "by_epoch": False, "interval": 1}
        },
        "log_processor": {"by_epoch": False},
        "val_cfg": None,
        "test_cfg": {"type": "TestLoop"},
        "env_cfg": {"cudnn_benchmark": False},
    }


def pair_config(folder: Path, detector: dict) -> dict:
    """The same in front of a detector, both trained."""
    cfg = editor_config(folder)
    for side in ("train", "test"):
        cfg[f"{side}_dataloader"]["dataset"]["pipeline"][-1] = {"type": "mmisr.PackSRDetInputs"}
    cfg["custom_hooks"] = []
    cfg["test_evaluator"] = {
        "type": "mmisr.SizeBinnedCocoMetric",
        "protocol": "coco",
        "frame": "lr",
        "max_dets": 20,
    }
    few = {"score_thr": 0.0, "nms": {"type": "nms", "iou_threshold": 0.5, "max_num": 20}}
    cfg["model"] = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "scale": 2, "mode": "bicubic"},
        "detector": {**detector, "test_cfg": few},
        "handoff": {"resize": {"factor": 1.0, "antialias": True}},
        "strategy": {"type": "Joint", "pixel_weight": 0.5, "detection_weight": 1.0},
        "test_cfg": {"keep_sr": True, "prior": {"score_thr": 0.3, "dilate_px": 1.0}},
    }
    return cfg


def dicts(node, path=""):
    """Every dict and list of a config that has something in it, with its place."""
    if isinstance(node, (dict, list, tuple)) and node:
        yield path, node
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from dicts(value, f"{path}.{key}".lstrip("."))


def mutate(content: dict, draw: random.Random) -> tuple[dict, list[str]]:
    """A config with one or two faults, and what they are."""
    content, told = copy.deepcopy(content), []
    for _ in range(draw.choice((1, 1, 1, 2))):
        path, node = draw.choice([(p, n) for p, n in dicts(content) if not isinstance(n, tuple)])
        key = draw.choice(list(node) if isinstance(node, dict) else range(len(node)))
        place = f"{path}.{key}".lstrip(".")
        what = draw.choice(("value", "value", "value", "gone", "key", "twin"))
        if what == "value":
            node[key] = copy.deepcopy(draw.choice(VALUES))
            told.append(f"{place} = {node[key]!r:.60}")
        elif what == "gone":
            del node[key]
            told.append(f"no {place}")
        elif what == "key" and isinstance(node, dict):
            node[draw.choice((f"{key}s", f"_{key}", "unknown", key.upper()))] = node.pop(key)
            told.append(f"{place} under another name: {list(node)[-1]}")
        elif isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
            told.append(f"{place} twice")
        else:
            other = draw.choice([n for _, n in dicts(content) if isinstance(n, dict)])
            node[key] = copy.deepcopy(draw.choice(list(other.values())))
            told.append(f"{place} = another part: {node[key]!r:.60}")
    return content, told


class TooSlowError(Exception):
    pass


def alarm(*_):
    raise TooSlowError


def doors(kind: str, config: Path, checkpoint: Path, out: Path):
    """The ways in, by name."""
    yield "test", lambda: run_test(config, checkpoint, str(out / "test"))
    yield "export", lambda: export_sr(config, out / "export", checkpoint, device="cpu")
    yield "train", lambda: train(config, str(out / "train"))
    if kind == "pair":
        yield (
            "compare",
            lambda: compare(config, ["bicubic"], out / "compare", str(checkpoint), "cpu", 10),
        )


def attempt(work) -> str | None:
    """None where it runs, or the text of its error."""
    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(SECONDS)
    try:
        work()
    except (ValueError, TypeError, KeyError, OSError) as error:
        assert type(error).__module__.startswith(("builtins", "mmisr.")), type(error)
        return str(error)
    finally:
        signal.alarm(0)
    return None


def is_named(text: str, told: list[str]) -> bool:
    """Whether a user can tell from an error which part of the config is meant.

    A key on the way to it, or its value.
    """
    for line in told:
        place, _, value = line.removeprefix("no ").partition(" ")
        keys = [key for key in place.split(".") if not key.isdigit()]
        words = [*keys[-3:], value.split(": ", 1)[-1].removeprefix("= ").strip("'")]
        if any(len(word) > 1 and word in text for word in words):
            return True
    return False


@pytest.fixture(scope="module")
def folder(writing_images, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "images"
    writing_images(folder, 2, 48)
    return folder


@pytest.fixture
def base(folder, detector_config):
    """The undamaged config of a kind, and its weights."""

    def make(kind: str) -> tuple[dict, Path]:
        content = pair_config(folder, detector_config) if kind == "pair" else editor_config(folder)
        checkpoint = folder.parent / f"{kind}.pth"
        if not checkpoint.is_file():
            torch.manual_seed(0)
            torch.save({"state_dict": init_model(Config(content)).state_dict()}, checkpoint)
        return content, checkpoint

    return make


def source(value) -> str:
    """A value as Python."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {source(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}(({''.join(f'{source(v)}, ' for v in value)}))"
    return f"float('{value}')" if isinstance(value, float) else repr(value)


def write(content: dict, path: Path) -> None:
    path.write_text("".join(f"{key} = {source(value)}\n" for key, value in content.items()))


@pytest.mark.parametrize("kind", ["pair", "editor"])
def test_a_damaged_config_runs_or_is_refused_by_name(base, resident, tmp_path, kind):
    content, checkpoint = base(kind)
    ends = Counter()
    for number in range(CASES // 2):
        draw = random.Random(f"{kind}{number}")
        changed, told = mutate(content, draw)
        out = tmp_path / str(number)
        out.mkdir()
        write(changed, out / "mutated.py")
        door, work = draw.choice(list(doors(kind, out / "mutated.py", checkpoint, out)))
        before = resident("VmHWM")
        try:
            text = attempt(work)
            assert text is None or is_named(text, told), text
            assert resident("VmHWM") - before < MEGABYTES * 2**20
        except BaseException:
            print(f"case {number}, {door}: {told}")
            raise
        ends["refused" if text else "ran"] += 1
    print(dict(ends))
    assert ends["ran"] > 0
    assert ends["refused"] > 0


@pytest.mark.parametrize("kind", ["pair", "editor"])
def test_the_whole_config_runs(base, tmp_path, kind):
    content, checkpoint = base(kind)
    write(content, tmp_path / "whole.py")
    for door, work in doors(kind, tmp_path / "whole.py", checkpoint, tmp_path):
        assert attempt(work) is None, door
