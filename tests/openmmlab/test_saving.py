"""Checkpoints are whole or not there, and an old one goes when the new one stands."""

import resource
import signal
from contextlib import contextmanager

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.fileio import get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmisr.openmmlab.saving import SAVERS, WholeFiles, save_whole
from mmisr.openmmlab.stack import prepare

prepare()


@contextmanager
def small_disk():
    """Files end at 1000 bytes, as on a full disk.

    Only meanwhile, for pytest's own output may go to a file too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "epoch_1.pth"
    backend = get_file_backend(str(path))
    assert isinstance(backend, WholeFiles)
    backend.put(b"old", str(path))
    with small_disk(), pytest.raises(OSError, match="File too large"):
        backend.put(b"x" * 5000, str(path))
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("epoch_1.pth", b"old")]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "latest.pth").symlink_to(tmp_path / "disk" / "real.pth")
    for content in (b"one", b"two"):
        get_file_backend("x").put(content, tmp_path / "latest.pth")
    assert (tmp_path / "latest.pth").is_symlink()
    assert (tmp_path / "disk" / "real.pth").read_bytes() == b"two"


def test_what_is_no_file_is_written_to():
    get_file_backend("x").put(b"gone", "/dev/null")


def test_calling_it_again_changes_nothing():
    before = [getattr(CheckpointHook, name) for name in SAVERS]
    save_whole()
    assert [getattr(CheckpointHook, name) for name in SAVERS] == before


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x, mode="tensor"):
        y = self.layer(x)
        return {"loss": y.mean()} if mode == "loss" else [y]


class Rising(BaseMetric):
    """Better in every epoch."""

    default_prefix = "bbox"
    rounds = 0

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        Rising.rounds += 1
        return {"AP": float(Rising.rounds)}


def numbers():
    return {
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": [torch.ones(1)] * 2,
    }


def run(folder, **checkpoint):
    Rising.rounds = 0
    hook = {
        "type": "CheckpointHook",
        "interval": 1,
        "max_keep_ckpts": 1,
        "save_best": "bbox/AP",
        **checkpoint,
    }
    runner = Runner(
        model=Line(),
        work_dir=str(folder),
        train_dataloader=numbers(),
        val_dataloader=numbers(),
        train_cfg={"by_epoch": True, "max_epochs": 3},
        val_cfg={},
        val_evaluator=[Rising()],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        default_hooks={"checkpoint": hook},
        default_scope="mmengine",
        experiment_name=folder.name,
    )
    runner.train()


def test_the_old_one_goes_when_the_new_one_stands(tmp_path, monkeypatch):
    written, put = [], WholeFiles.put

    def watched(backend, obj, filepath):
        put(backend, obj, filepath)
        written.append(sorted(f.name for f in tmp_path.glob("*.pth")))

    monkeypatch.setattr(WholeFiles, "put", watched)
    run(tmp_path)
    assert ["epoch_1.pth", "epoch_2.pth"] in [
        [n for n in names if n.startswith("epoch")] for names in written
    ]
    best = ["best_bbox_AP_epoch_1.pth", "best_bbox_AP_epoch_2.pth"]
    assert best in [[n for n in names if n.startswith("best")] for names in written]
    assert sorted(f.name for f in tmp_path.glob("*.pth")) == [
        "best_bbox_AP_epoch_3.pth",
        "epoch_3.pth",
    ]
    assert (tmp_path / "last_checkpoint").read_text().endswith("epoch_3.pth")


def test_a_best_one_under_its_own_name_stays(tmp_path):
    run(tmp_path, filename_tmpl="model{0.imag}.pth")
    assert sorted(f.name for f in tmp_path.glob("*.pth")) == [
        "best_bbox_AP_model0.pth",
        "model0.pth",
    ]


def test_a_save_that_fails_deletes_nothing(tmp_path, monkeypatch):
    put = WholeFiles.put

    def full(backend, obj, filepath):
        if str(filepath).endswith("epoch_2.pth"):
            raise OSError(28, "No space left on device")
        put(backend, obj, filepath)

    monkeypatch.setattr(WholeFiles, "put", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path)
    assert torch.load(tmp_path / "epoch_1.pth", weights_only=False)["meta"]["epoch"] == 1
