"""Every config under configs/ builds and predicts; where it trains, its kind takes a step.

On small real pictures. Configs are of one kind that differ in numbers and files alone; one of them
takes the step for all.
"""

import json
import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from PIL import Image
from skimage import data

from mmisr.apis.checks.data import inner_dataset, inner_datasets, test_pipeline
from mmisr.apis.checks.hooks import check_switches
from mmisr.apis.configs import read_config
from mmisr.datasets.patch_classes import PatchClasses
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.loading import load_into
from mmisr.pipeline.handoff import source_hw
from mmisr.registry import DATASETS, HOOKS, MODELS

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(p for p in (ROOT / "configs").rglob("*.py") if "_base_" not in p.parts)
PREDICTING = [p for p in CONFIGS if not p.stem.startswith("instance-router")]
"""A router alone puts out no SR image; tests/editors/instance_sr has its own tests."""
NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9.]+)*")
WEIGHTS = ("checkpoint", "checkpoints", "init_cfg")
"""Keys that name files; those that the repository does not bring are left out of this test."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "configs"))


def kind_of(node: object) -> object:
    """A config's types, keys, switches and names, without its numbers and its files.

    The scale counts as a name, and a number that is 0 as a switch that is off.
    """
    if isinstance(node, dict):
        kinds = {key: kind_of(value) for key, value in node.items()}
        if isinstance(node.get("scale"), int):
            kinds["scale"] = node["scale"]
        return tuple(sorted((key, repr(kind)) for key, kind in kinds.items()))
    if isinstance(node, (list, tuple)):
        return tuple(kind for kind, _ in groupby(map(kind_of, node)))  # however many in a row
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, str) and "/" not in node:
        return node
    return type(node).__name__, bool(node)


LEARNING = ("model", "optim_wrapper", "custom_hooks")
"""What a step depends on, beside the transforms."""


def learning_of(cfg: Config) -> str | None:
    """The kind of a config's step; None for configs that train nothing."""
    if "train_cfg" not in cfg:
        return None
    pipelines = [dataset.pipeline for dataset in inner_datasets(cfg, "train")]
    kind = kind_of([[cfg.get(key) for key in LEARNING], pipelines])
    return repr(kind)


@pytest.fixture(scope="module")
def kinds(project_config, request) -> dict[Path, str | None]:
    """The kinds of the configs that are asked for."""
    asked = [item.callspec.params["path"] for item in request.session.items if is_a_step(item)]
    return {path: learning_of(project_config(path)) for path in asked}


def first_of_its_kind(path: Path, kinds: Mapping[Path, str | None]) -> bool:
    """Whether no other config comes before and stands for this one."""
    alike = [other for other, kind in kinds.items() if kind == kinds[path]]
    return kinds[path] is not None and path == min(alike)


def without_absent_weights(node):
    if isinstance(node, dict):
        for key in list(node):
            files = (
                re.findall(r"[\w./-]+\.(?:pth|safetensors)", str(node[key]))
                if key in WEIGHTS
                else []
            )
            if any(not f.startswith("checkpoints/") or not (ROOT / f).is_file() for f in files):
                node[key] = None
            else:
                without_absent_weights(node[key])
    elif isinstance(node, (list, tuple)):
        for item in node:
            without_absent_weights(item)


def with_patch_classes(pipeline: list, path: Path) -> None:
    """A file of patches of the small photo, where a pipeline reads one."""
    steps = [step for step in pipeline if step.type == "mmisr.ClassPatch"]
    for step in steps:
        patches = {"1": [[0, 0, 0], [0, 1, 1], [0, 2, 2]]}
        PatchClasses(4, 16, [20.0, 30.0], patches).write(path)
        step.classes = str(path)


def with_small_patches(pipeline: list, strategy: dict) -> None:
    """A step costs as much as its pixels.

    64 are a token of InstanceSR's at x8; a discriminator says how many it sees.
    """
    side = (strategy.get("discriminator") or {}).get("patch", 64)
    for step in pipeline:
        if step.type == "mmisr.RandomPatch":
            step.size = min(step.size, side - side % step.get("multiple", 1))


def with_network(loss: dict, path: Path) -> None:
    """A file of the network of a loss, where it goes through one."""
    if "checkpoint" in loss:
        loss["checkpoint"] = str(path)
        torch.save(MODELS.build(loss).build().state_dict(), path)


def object_at(x: int, y: int) -> dict:
    """A box of 30 x 24 pixels, and a mask that fills it."""
    polygon = [x, y, x + 30, y, x + 30, y + 24, x, y + 24]
    return {"bbox": [x, y, 30, 24], "segmentation": [polygon]}


@pytest.fixture
def small(project_config, tmp_path, monkeypatch):
    """Reads a config and lets its data sets read one small photo with two boxes of each class."""
    monkeypatch.chdir(ROOT)
    Image.fromarray(data.astronaut()[:97, 60:166]).save(tmp_path / "photo.png")

    def read(path: Path) -> Config:
        cfg = project_config(path)
        cfg.work_dir = str(tmp_path / "work")
        without_absent_weights(cfg.model)
        resize = cfg.model.get("handoff", {}).get("resize", {})
        if resize.get("scale"):
            resize.scale = (192, 160)
        windows = (cfg.model.get("test_cfg") or {}).get("windows") or {}
        if "router" in windows:
            windows.router.checkpoint = str(tmp_path / "router.pth")
            router = MODELS.build({"type": windows.router.type})
            torch.save(router.state_dict(), windows.router.checkpoint)
        strategy = cfg.model.get("strategy") or {}
        if "teacher" in strategy:
            strategy.teacher = str(tmp_path / "teacher.pth")
            torch.save(MODELS.build(cfg.model).detector.state_dict(), strategy.teacher)
        with_network(cfg.model.get("pixel_loss") or {}, tmp_path / "network.pth")
        with_network(strategy.get("perceptual") or {}, tmp_path / "network.pth")
        for side in ("train", "val", "test"):
            if f"{side}_dataloader" not in cfg:
                continue
            datasets = inner_datasets(cfg, side)
            classes = datasets[0].metainfo.classes
            place = {"image_id": 1, "area": 720, "iscrowd": 0}
            boxes = [
                {"id": 2 * k + n, "category_id": k + 1, **place, **object_at(10 + 40 * n, 12)}
                for k in range(len(classes))
                for n in (0, 1)
            ]
            content = {
                "images": [{"id": 1, "file_name": "photo.png", "height": 97, "width": 106}],
                "annotations": boxes,
                "categories": [{"id": k + 1, "name": name} for k, name in enumerate(classes)],
            }
            (tmp_path / "photo.json").write_text(json.dumps(content))
            files = {"data_root": f"{tmp_path}/", "ann_file": "photo.json"}
            for dataset in datasets:
                dataset.update(data_prefix={"img": ""}, **files)
                with_patch_classes(dataset.pipeline, tmp_path / "classes.json")
                with_small_patches(dataset.pipeline, strategy)
            evaluator = cfg.get(f"{side}_evaluator") or {}
            if "ann_file" in evaluator:
                evaluator.ann_file = str(tmp_path / "photo.json")
        return cfg

    return read


def sample(cfg: Config, side: str) -> dict:
    return pseudo_collate([DATASETS.build(cfg[f"{side}_dataloader"].dataset)[0]])


@pytest.mark.parametrize("path", PREDICTING, ids=name_of)
def test_config_predicts_and_trains(path, small, kinds):
    """Its training batch and its hooks are made too; the first of its kind takes a step."""
    cfg = small(path)
    model = MODELS.build(cfg.model)
    predict(cfg, model)
    if "train_cfg" not in cfg:
        return
    check_switches(hooks_of(cfg), cfg)
    batch = sample(cfg, "train")
    if first_of_its_kind(path, kinds):
        take_a_step(cfg, model, batch)


def predict(cfg: Config, model: BaseModel) -> None:
    test_pipeline(cfg)
    model.eval()
    batch = sample(cfg, "test")
    source = source_hw(batch["data_samples"][0])
    with torch.no_grad():
        found = model.test_step(batch)[0]
    if isinstance(model, SREditor):
        assert tuple(found.output.pred_img.shape[-2:]) == tuple(source)
        assert found.output.pred_img.isfinite().all()
    else:
        boxes = found.pred_instances.bboxes
        assert len(boxes) == len(found.pred_instances.scores)
        assert boxes.isfinite().all()
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([source[1], source[0]] * 2)).all()
    evaluator = Evaluator(
        cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
    )
    evaluator.dataset_meta = inner_dataset(cfg).metainfo
    evaluator.process([found], batch)
    assert evaluator.evaluate(1)


def hooks_of(cfg: Config) -> list[Hook]:
    hooks = []
    for hook in cfg.get("custom_hooks", []):
        arguments = {k: v for k, v in hook.items() if k != "priority"}
        hooks.append(HOOKS.build(arguments))
    return hooks


def is_a_step(item: pytest.Function) -> bool:
    """Whether a collected test is that of a config's step."""
    return getattr(item, "originalname", None) == "test_config_predicts_and_trains"


def take_a_step(cfg: Config, model: BaseModel, batch: dict) -> None:
    model.train()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    MessageHub.get_current_instance().update_info(
        "iter", 0
    )  # as a Runner does; YOLOX resizes its batches by it
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    losses = model.train_step(batch, wrapper)
    assert all(torch.isfinite(torch.as_tensor(v)).all() for v in losses.values())
    after = dict(model.named_parameters())
    assert any(not torch.equal(p, after[name]) for name, p in before.items()), "no parameter moved"


def test_the_step_of_a_kind_stands_for_types_keys_and_switches(project_config):
    """Two configs of a kind differ in numbers and files, and every kind has one that steps."""
    one = {"type": "A", "files": ["a/b.pth"], "sizes": [1, 2], "fast": True}
    assert kind_of(one) == kind_of({**one, "files": ["c/d.pth"], "sizes": [3, 4, 5]})
    others = [{"type": "B"}, {"fast": False}, {"sizes": ["many"]}, {"more": 1}, {"files": []}]
    for other in [*others, {"sizes": [0, 2]}, {"scale": 8}]:
        assert kind_of(one) != kind_of({**one, **other}), other
    kinds = {path: learning_of(project_config(path)) for path in PREDICTING}
    stepping = [path for path in PREDICTING if first_of_its_kind(path, kinds)]
    found = set(kinds.values()) - {None}
    assert {kinds[path] for path in stepping} == found
    assert 40 < len(stepping) == len(found) < len(PREDICTING)


def test_base_names_are_unique():
    """`mim` looks configs up by base name."""
    names = [p.stem for p in CONFIGS]
    assert len(names) > 3
    assert sorted({n for n in names if names.count(n) > 1}) == []
    assert [n for n in names if not NAME.fullmatch(n)] == []


def bases(path: Path) -> list[str]:
    text = re.search(r"^_base_\s*=\s*(\[[^\]]*\]|\"[^\"]*\"|'[^']*')", path.read_text(), re.M)
    return re.findall(r"[\"']([^\"']+)[\"']", text.group(1)) if text else []


def depth(path: Path) -> int:
    local = [b for b in bases(path) if "::" not in b]
    return 1 + max((depth((path.parent / b).resolve()) for b in local), default=-1)


@pytest.mark.parametrize("path", CONFIGS, ids=name_of)
def test_config_is_readable(path):
    """At most three levels of bases, and a header that gives the command."""
    assert depth(path) <= 3
    head = path.read_text().split("_base_")[0]
    # A long command goes on in the next line of the comment.
    command = r"python tools/(train|test)\.py (\\\n#\s+)?configs/" + re.escape(name_of(path))
    assert re.search(command, head), "no command in its header"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "_base_" / "editors").glob("*.py")), ids=lambda p: p.stem
)
def test_editor_of_the_bases_upscales(path):
    """Those that no config of a method inherits are used by people's own."""
    config = Config.fromfile(path)
    assert list(config) == ["editor"]
    editor = MODELS.build(config.editor).eval()
    assert path.stem.endswith(f"_x{editor.info.scale}")
    with torch.no_grad():
        assert editor.upscale(torch.rand(1, 3, 9, 7)).image.shape[-2:] == (
            9 * editor.info.scale,
            7 * editor.info.scale,
        )


INDEX = yaml.safe_load((ROOT / "model-index.yml").read_text())
METAFILES = [yaml.safe_load((ROOT / file).read_text()) for file in INDEX["Import"]]
PUBLISHED = [model for file in METAFILES for model in file["Models"]]


def weights_of(model: dict) -> list[str]:
    """One file, or for a pair those of its parts."""
    return [model["Weights"]] if isinstance(model["Weights"], str) else model["Weights"]


def test_every_metafile_and_every_committed_checkpoint_has_an_entry():
    assert set(INDEX["Import"]) == {
        str(p.relative_to(ROOT)) for p in (ROOT / "configs").rglob("metafile.yml")
    }
    assert {file for m in PUBLISHED for file in weights_of(m)} == {
        str(p.relative_to(ROOT)) for p in (ROOT / "checkpoints").glob("*.pth")
    }


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda m: m["Name"])
def test_a_published_model_fits_its_config(model, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert Path(model["Config"]).stem == model["Name"]
    assert model["In Collection"] in {c["Name"] for file in METAFILES for c in file["Collections"]}
    cfg = read_config(model["Config"]).model
    whole = MODELS.build(cfg)  # a pair loads the weights of its parts itself
    if isinstance(model["Weights"], list):
        assert {cfg.editor.checkpoint, *cfg.checkpoints.values()} == set(model["Weights"])
    else:
        load_into(
            getattr(whole, "detector", whole),
            load_state(model["Weights"]),
            model["Weights"],
            ("detector.",),
        )
    assert model["Results"]
    assert all(1 < v <= 100 for result in model["Results"] for v in result["Metrics"].values())


def test_committed_weights_are_loaded():
    """The filter above leaves them in: a checkpoint that does not fit its config is found."""
    committed = next((ROOT / "checkpoints").glob("*.pth")).relative_to(ROOT)
    cfg = {
        "editor": {"checkpoint": "no/such.pth"},
        "detector": {"checkpoint": str(committed)},
        "depth": 18,
    }
    without_absent_weights(cfg)
    assert cfg == {
        "editor": {"checkpoint": None},
        "detector": {"checkpoint": str(committed)},
        "depth": 18,
    }
