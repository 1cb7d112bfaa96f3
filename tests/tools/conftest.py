"""A tiny data set of real photos, a tiny pair, and the tools as a user starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

ROOT = Path(__file__).parents[2]

CONFIG = """
_base_ = [{runtime!r}]
scale = 2
load = [dict(type="mmisr.LoadImage"), dict(type="mmdet.LoadAnnotations", with_bbox=True)]
train_pipeline = [
    *load,
    dict(type="mmisr.RandomPatch", size=64, around_box=0.5),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmdet.PhotoMetricDistortion"),
    dict(type="mmisr.SimulateLR", scale=2, noise_sigma=(0.0, 5.0), seed=None),
    dict(type="mmisr.PackSRDetInputs"),
]
test_pipeline = [
    *load,
    dict(type="mmisr.CropToMultiple", multiple=2),
    dict(type="mmisr.SimulateLR", scale=2),
    dict(type="mmisr.PackSRDetInputs"),
]
dataset = dict(
    type="mmisr.SRCocoDataset",
    data_root={data!r},
    ann_file="photos.json",
    data_prefix=dict(img=""),
    metainfo=dict(classes=("thing", "stuff")),
)
train_dataloader = dict(
    batch_size=2, num_workers={workers}, persistent_workers={workers} > 0,
    sampler=dict(type={sampler!r}, shuffle=True), dataset=dict(pipeline=train_pipeline, **dataset),
)
test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(pipeline=test_pipeline, test_mode=True, **dataset),
)
test_evaluator = dict(type="mmisr.SizeBinnedCocoMetric")
val_cfg = None
model = dict(
    type="mmisr.SRDetector",
    editor=dict(
        type="mmisr.PlainSR", scale=2,
        generator=dict(
            type="mmagic.EDSRNet",
            in_channels=3,
            out_channels=3,
            mid_channels=8,
            num_blocks=1,
            upscale_factor=2,
        ),
    ),
    detector={detector!r},
    strategy=dict(type="Joint"),
)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=False, begin=0, end=12)]
auto_scale_lr = dict(enable=False, base_batch_size=2)
"""

BY_EPOCH = """
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=3)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
"""
BY_ITERATION = """
train_cfg = dict(type="IterBasedTrainLoop", max_iters=12)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=4, max_keep_ckpts=3))
log_processor = dict(by_epoch=False)
"""
KILLED = """
custom_imports = dict(
    imports=["mmisr.registry", "mmisr.openmmlab.mmagic_nets", "kill_hook"],
    allow_failed_imports=False,
)
custom_hooks = [dict(type="KillHook")]
"""
KILL_HOOK = '''
"""Kill the process, as the kernel does when memory runs out, in the middle of a step."""
import os
import signal

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class KillHook(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if os.environ.get("KILL_AT") == str(runner.iter):
            os.kill(os.getpid(), signal.SIGKILL)
'''


@pytest.fixture
def photos(tmp_path) -> Path:
    """Eight photos of different sizes with boxes, in COCO format."""
    folder = tmp_path / "photos"
    folder.mkdir()
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    images, boxes = [], []
    for number in range(8):
        x, y, side = 20 + 15 * number, 40 + 7 * number, 72 + 2 * number
        Image.fromarray(sources[number % 4][y : y + side, x : x + side + 5]).save(
            folder / f"{number}.png"
        )
        images.append(
            {"id": number, "file_name": f"{number}.png", "height": side, "width": side + 5}
        )
        for k, box in enumerate(([4, 6, 30, 24], [40, 20, 18, 30], [10, 44, 22, 16])):
            area = box[2] * box[3]
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": number,
                    "category_id": 1 + k % 2,
                    "bbox": box,
                    "area": area,
                }
            )
    categories = [{"id": 1, "name": "thing"}, {"id": 2, "name": "stuff"}]
    content = {"images": images, "annotations": boxes, "categories": categories}
    (folder / "photos.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def tiny_config(tmp_path, photos, detector_config, monkeypatch):
    """Writes a config file of a tiny pair; the argument is what is appended."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kill_hook.py").write_text(KILL_HOOK)

    def write(
        name: str, extra: str = BY_EPOCH, workers: int = 0, sampler: str = "DefaultSampler"
    ) -> Path:
        path = tmp_path / f"{name}.py"
        runtime = str(ROOT / "configs" / "_base_" / "default_runtime.py")
        head = CONFIG.format(
            runtime=runtime,
            data=f"{photos}/",
            detector=detector_config,
            workers=workers,
            sampler=sampler,
        )
        path.write_text(head + extra)
        return path

    return write


def start(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in the repository, on one thread, without a GPU."""
    settings = {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHON": sys.executable,
    }
    return subprocess.run(
        [str(a) for a in arguments],
        cwd=ROOT,
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture
def run():
    """Runs a command and gives its result."""
    return start


@pytest.fixture
def variants() -> dict[str, str]:
    """Ends of a config by name."""
    return {"epoch": BY_EPOCH, "iteration": BY_ITERATION, "killed": KILLED}


@pytest.fixture
def weights_of(tmp_path):
    """Writes a checkpoint of a config's model as it starts out.

    Tools measure nothing whose weights are not there.
    """
    import torch

    from mmisr.apis import init_model

    def write(config) -> Path:
        path = tmp_path / "weights.pth"
        torch.save({"state_dict": init_model(config).state_dict()}, path)
        return path

    return write
