"""Every data-set config, on data of the user's own: one config and no code."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import EVALUATOR, init_default_scope
from mmengine.runner import Runner

from mmisr.datasets.formats import coco_json, dota, uavdt, visdrone, voc, wider, xview
from mmisr.openmmlab import mmagic_nets  # noqa: F401  (registers mmagic's metrics)
from mmisr.registry import DATASETS

FOLDER = Path(__file__).parents[2] / "configs/_base_/datasets"
CONFIGS = sorted(FOLDER.glob("*.py"))
DATA_SETS = [path for path in CONFIGS if not path.stem.startswith("coco_")]


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request, coco) -> Config:
    """A config, pointed to other data as a user's own would point it."""
    root = coco(images=[(f"{i}.png", 90 + i, 70) for i in range(3)])
    cfg = Config.fromfile(request.param)
    if "with_mask" in cfg.pretty_text:
        add_masks(root / "ann.json")
    own = {
        "data_root": f"{root}/",
        "ann_file": "ann.json",
        "data_prefix": {"img": "images/"},
        "metainfo": {"classes": ("thing",)},
        "serialize_data": False,  # which collects garbage, slowly
    }
    for side in ("train", "val", "test"):
        inner = cfg[f"{side}_dataloader"].dataset
        inner = inner.get("dataset", inner)
        inner.update(own)
        cfg[f"{side}_dataloader"].update(num_workers=0, persistent_workers=False)
    if "ann_file" in (cfg.val_evaluator if isinstance(cfg.val_evaluator, dict) else {}):
        cfg.val_evaluator.ann_file = str(root / "ann.json")
    init_default_scope("mmisr")
    return cfg


def add_masks(path: Path) -> None:
    """Every box is a mask too."""
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    path.write_text(json.dumps(content))


def test_names_are_unique():
    names = [path.name for path in FOLDER.parents[1].rglob("*.py")]
    assert len(CONFIGS) == 51
    assert all(names.count(path.name) == 1 for path in CONFIGS)


@pytest.mark.parametrize("path", DATA_SETS, ids=lambda path: path.stem)
def test_a_data_set_says_where_it_is_and_inherits_the_rest(path):
    """The task is written once: only another factor than its own brings transforms."""
    text = path.read_text()
    base = re.search(r'_base_ = "(\w+)\.py"', text).group(1)
    assert base.startswith("coco_") or path.with_stem(base) in DATA_SETS
    if "scale = " not in text:  # another factor than the task's own brings transforms
        assert len(ast.parse(text).body) <= 9
        assert "pipeline" not in text


CONVERTED = [path for path in DATA_SETS if "to_coco.py" in path.read_text()]
OF_FORMAT = {
    "visdrone": visdrone.CLASSES,
    "uavdt": uavdt.CLASSES,
    "tinyperson": coco_json.TINYPERSON.classes,
    "aitod": coco_json.AITOD.classes,
    "aitodv2": coco_json.AITODV2.classes,
    "sodad": coco_json.SODAD.classes,
    "dota-v1.0": dota.V1_0,
    "xview": xview.CLASSES,
    "voc2007": voc.CLASSES,
    "voc2012": voc.CLASSES,
    "wider": wider.CLASSES,
    "coco": None,  # those of the file
}


@pytest.mark.parametrize("path", CONVERTED, ids=lambda path: path.stem)
def test_a_config_reads_what_the_command_in_its_header_writes(path):
    command = re.search(
        r"# python tools/data/to_coco\.py (\S+) (\S+) --out (\S+)", path.read_text()
    )
    name, source, out = command.groups()
    cfg = Config.fromfile(path)
    for side in ("train", "val"):
        inner = cfg[f"{side}_dataloader"].dataset
        inner = inner.get("dataset", inner)
        assert inner.data_root == f"{source}/"
        if OF_FORMAT[name] is not None:
            assert inner.metainfo.classes == OF_FORMAT[name]
        if name != "coco":  # whose files lie in the archive
            assert Path(source, inner.ann_file).parent == Path(out)
            assert inner.data_prefix.img == "", "file names begin behind the archive's folder"


def test_every_set_has_a_pair_and_a_detector():
    names = {path.stem for path in CONVERTED}
    sets = {name.rpartition("_")[0] for name in names} - {"voc2012"}
    assert len(sets) == 11
    assert {f"{name}_{task}" for name in sets for task in ("x4", "hr")} <= names


OWN_TRANSFORMS = [
    path
    for path in CONFIGS
    if path not in CONVERTED or "pipeline" in path.read_text() or path.stem.startswith("xview")
]
"""Batches of a config that only says where its data are would be those of its task."""


@pytest.mark.parametrize("config", OWN_TRANSFORMS, indirect=True, ids=lambda path: path.stem)
def test_batches_of_training_and_validation(config):
    np.random.seed(0)
    batch = next(iter(Runner.build_dataloader(config.train_dataloader, seed=0)))
    repeated = config.train_dataloader.dataset.get("times", config.train_dataloader.batch_size)
    assert len(batch["inputs"]) == min(config.train_dataloader.batch_size, 3 * repeated)
    assert {tuple(x.shape[1:]) for x in batch["inputs"]} <= _patches(config)
    batches = list(Runner.build_dataloader(config.val_dataloader, seed=0))
    assert len(batches) == 3
    sample = batches[0]["data_samples"][0]
    if "scale" in config:
        s = config.scale
        reduced = config.get("reduction", 1)  # HR is the data set's own, or a reduction of it
        multiple = config.get("multiple", s * reduced)
        height, width = ((side - side % multiple) // reduced for side in (70, 90))
        assert sample.source_shape == (height, width)
        assert sample.lr_shape == (height // s, width // s)
    assert DATASETS.build(config.val_dataloader.dataset).metainfo["classes"] == ("thing",)


def _patches(config: Config) -> set[tuple[int, int]]:
    """Allowed sizes of a training input."""
    scale = config.get("scale", 1)
    patches = [t["size"] for t in config.train_pipeline if t["type"] == "mmisr.RandomPatch"]
    if patches and "scale" in config:
        side = patches[0] // (scale * config.get("reduction", 1))
        return {(side, side)}
    whole = {(70 // scale, width // scale) for width in (90, 91, 92)}
    return whole | {(width, height) for height, width in whole}


def test_evaluators_build(config):
    evaluators = (
        config.val_evaluator if isinstance(config.val_evaluator, list) else [config.val_evaluator]
    )
    for evaluator in evaluators:
        EVALUATOR.build({"type": "Evaluator", "metrics": evaluator})


def test_backend_args_reach_every_reader(config):
    """Whoever reads a file says through which back end.

    One variable then moves a data set to another store.
    """
    readers = {"mmisr.LoadImage", "mmdet.LoadImageFromFile", "mmdet.LoadAnnotations"}
    for side in ("train", "val"):
        inner = config[f"{side}_dataloader"].dataset
        inner = inner.get("dataset", inner)
        assert "backend_args" in inner
        assert all("backend_args" in t for t in inner.pipeline if t["type"] in readers)
