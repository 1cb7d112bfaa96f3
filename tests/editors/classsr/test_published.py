"""The published protocol: every config trains, on data in the same format."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from skimage import data

from mmisr.apis.psnr_classes import psnr_classes
from mmisr.apis.train import train
from mmisr.datasets.patch_classes import read_patch_classes

CONFIGS = Path(__file__).parents[3] / "configs/classsr"
STAGES = {"fsrcnn": "joint", "carn": "classifier", "srresnet": "branches", "rcan": "branches"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sides of photos without annotations, and the classes of the patches."""
    root = tmp_path_factory.mktemp("div2k")
    photos = {"train": data.astronaut()[:200, 100:400], "images": data.chelsea()[:140, :260]}
    for side, pixels in photos.items():
        (root / side).mkdir()
        Image.fromarray(np.ascontiguousarray(pixels)).save(root / side / "photo.png")
        height, width = pixels.shape[:2]
        image = {"id": 1, "file_name": "photo.png", "height": height, "width": width}
        categories = [{"id": 1, "name": "any"}]
        content = {"images": [image], "annotations": [], "categories": categories}
        name = "train" if side == "train" else "val"
        (root / f"{name}.json").write_text(json.dumps(content))
    scoring = root / "scoring.py"
    scoring.write_text(
        f'_base_ = "{CONFIGS.parent}/resample/bicubic-x4_photos.py"\n'
        f'root = dict(data_root="{root}/", metainfo=dict(classes=("any",)))\n'
        "train_dataloader = dict(dataset=root)\n"
    )
    found = psnr_classes(str(scoring), str(root / "classes.json"), tiling=(32, 8), device="cpu")
    assert found == read_patch_classes(root / "classes.json")
    assert sorted(found.histogram()) == [9, 9, 10]
    with pytest.raises(ValueError, match=r"none\.json: no patch is of class 1.*\[28, 0, 0\]"):
        psnr_classes(str(scoring), str(root / "none.json"), thresholds=(1, 2), tiling=(32, 8))
    with pytest.raises(ValueError, match=r"--thresholds must ascend, got \[2, 1\]"):
        psnr_classes(str(scoring), str(root / "none.json"), thresholds=(2, 1))
    assert not (root / "none.json").exists()
    return root


def miniature(family, root, stage):
    cfg = Config.fromfile(CONFIGS / f"classsr-{family}-x4_div2k.py")
    for side in ("train", "val", "test"):
        loader = cfg[f"{side}_dataloader"]
        loader.dataset.data_root = f"{root}/"
        loader.update(num_workers=0, persistent_workers=False)
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == "mmisr.ClassPatch":
            step.classes = str(root / "classes.json")
    cfg.train_dataloader.batch_size = 2
    if family == "rcan":  # ten groups of twenty blocks take a minute
        for branch in cfg.model.branches:
            branch.update(groups=2, blocks=2)
    cfg.custom_hooks[0].stages = {stage: 0}
    cfg.train_cfg.update(max_iters=1, val_interval=5)
    cfg.default_hooks.logger.interval = 1
    return cfg


@pytest.mark.parametrize(("family", "stage"), STAGES.items())
def test_one_step_trains(family, stage, folder, tmp_path):
    cfg = miniature(family, folder, stage)
    train(cfg, work_dir=str(tmp_path / family))
    state = torch.load(tmp_path / family / "iter_1.pth", weights_only=False)["state_dict"]
    assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())
