"""Two processes (gloo) measure what one does, collected through files and through the network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric

METRICS = {"SizeBinnedCocoMetric": SizeBinnedCocoMetric, "RegionQuality": RegionQuality}
WORKER = Path(__file__).with_name("collect_worker.py")
ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
CLASSES = ("car", "van", "bus")


def with_images(samples):
    """Small SR and HR images beside the boxes."""
    generator = torch.Generator().manual_seed(0)
    for sample in samples:
        sample["hr"] = torch.randint(0, 256, (3, 24, 24), generator=generator, dtype=torch.uint8)
        sample["sr"] = torch.rand(3, 24, 24, generator=generator)
    return samples


def test_two_processes_give_what_one_gives(scene_of, samples_of, tmp_path):
    samples = with_images(samples_of(scene_of(1, num_images=7)))
    runs = [(name, device) for name in METRICS for device in ("cpu", "gpu")]
    torch.save({"samples": samples, "classes": CLASSES, "metrics": runs}, tmp_path / "samples.pt")
    command = [sys.executable, str(WORKER), str(tmp_path)]
    # mmengine collects through files for collect_device cpu, and over the network (here gloo) for
    # gpu.
    workers = [
        subprocess.Popen(
            [*command, str(rank), "2"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors
    for number, (name, device) in enumerate(runs):
        alone = METRICS[name](collect_device=device)
        alone.dataset_meta = {"classes": CLASSES}
        alone.process(None, samples)
        expected = alone.evaluate(len(samples))
        for rank in range(2):
            found = torch.load(tmp_path / f"figures_{number}_{rank}.pt", weights_only=False)
            assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)
