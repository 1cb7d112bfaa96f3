"""The published protocol takes a step, on data in the same format."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from PIL import Image
from skimage import data

from mmisr.apis.train import train

CONFIG = Path(__file__).parents[3] / "configs/cajnn/cajnn-paper-x4_df2k.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sides of photos without annotations; one is smaller than a training patch."""
    root = tmp_path_factory.mktemp("df2k")
    photos = {"train": data.astronaut()[:100, 100:300], "images": data.chelsea()[:60, :80]}
    for side, pixels in photos.items():
        (root / side).mkdir()
        Image.fromarray(np.ascontiguousarray(pixels)).save(root / side / "photo.png")
        height, width = pixels.shape[:2]
        image = {"id": 1, "file_name": "photo.png", "height": height, "width": width}
        categories = [{"id": 1, "name": "any"}]
        content = {"images": [image], "annotations": [], "categories": categories}
        name = "train" if side == "train" else "val"
        (root / f"{name}.json").write_text(json.dumps(content))
    return root


def miniature(root):
    cfg = Config.fromfile(CONFIG)
    for side in ("train", "val", "test"):
        loader = cfg[f"{side}_dataloader"]
        loader.dataset.data_root = f"{root}/"
        loader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = 2
    cfg.model.size = {"channels": 64, "growth": 32, "blocks": 1}  # twenty take a minute
    cfg.train_cfg.update(max_iters=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    return cfg


def test_one_step_trains_and_is_measured(folder, tmp_path):
    train(miniature(folder), work_dir=str(tmp_path))
    state = torch.load(tmp_path / "iter_1.pth", weights_only=False)["state_dict"]
    assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())
    logged = json.loads(
        (next(tmp_path.glob("*/vis_data/scalars.json"))).read_text().splitlines()[-1]
    )
    assert 10 < logged["mmagic/PSNR"] < 40


def test_numbers_are_the_published_ones():
    cfg = Config.fromfile(CONFIG)
    assert cfg.train_dataloader.batch_size == 36
    assert cfg.train_cfg.max_iters == 1_000_000
    sizes = [step.size for step in cfg.train_pipeline if step.type == "mmisr.RandomPatch"]
    assert sizes == [128]
    assert cfg.model.size == "paper"
    assert cfg.optim_wrapper.optimizer.lr == 2e-4


def test_the_rate_falls_and_restarts():
    """2e-4 at the start of each 250k iterations, 1e-7 at their end."""
    cfg = Config.fromfile(CONFIG)
    wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), cfg.optim_wrapper)
    (settings,) = cfg.param_scheduler
    shrunk = {**settings, "periods": [period // 10_000 for period in settings.periods]}
    scheduler = PARAM_SCHEDULERS.build({**shrunk, "optimizer": wrapper})
    rates = []
    for _ in range(51):
        rates.append(wrapper.get_lr()["lr"][0])
        scheduler.step()
    assert rates[0] == rates[25] == rates[50] == 2e-4
    assert rates[24] < 3e-6
    assert min(rates) > 1e-7
