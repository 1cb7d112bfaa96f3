"""Two processes (gloo) measure what one does, collected through files and through the network."""

from pathlib import Path

import pytest
import torch
from torch import distributed

from mmisr.evaluation.metrics.object_recall import ObjectRecall
from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric

METRICS = {
    "SizeBinnedCocoMetric": SizeBinnedCocoMetric,
    "RegionQuality": RegionQuality,
    "ObjectRecall": ObjectRecall,
}
CLASSES = ("car", "van", "bus")


def with_images(samples):
    """Small SR and HR images beside the boxes, and other windows in each."""
    generator = torch.Generator().manual_seed(0)
    for number, sample in enumerate(samples):
        sample["searched"] = torch.tensor([[0.0, 0.0, 80.0 * number, 640.0]])
        sample["hr"] = torch.randint(0, 256, (3, 24, 24), generator=generator, dtype=torch.uint8)
        sample["sr"] = torch.rand(3, 24, 24, generator=generator)
    return samples


def measure_a_share(folder: Path) -> None:
    """Measure this process's share of the stored samples; called in each of them."""
    distributed.init_process_group("gloo")
    rank, world = distributed.get_rank(), distributed.get_world_size()
    stored = torch.load(folder / "samples.pt", weights_only=False)
    samples = stored["samples"]
    padded = (
        samples + samples[: -len(samples) % world]
    )  # as mmengine's sampler evens the shares out
    for number, (name, device) in enumerate(stored["metrics"]):
        metric = METRICS[name](collect_device=device)
        metric.dataset_meta = {"classes": stored["classes"]}
        for sample in padded[rank::world]:
            metric.process(None, [sample])
        figures = metric.evaluate(len(samples))
        torch.save(figures, folder / f"figures_{number}_{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_give_what_one_gives(scene_of, samples_of, starting, tmp_path):
    samples = with_images(samples_of(scene_of(1, num_images=7)))
    runs = [(name, device) for name in METRICS for device in ("cpu", "gpu")]
    torch.save({"samples": samples, "classes": CLASSES, "metrics": runs}, tmp_path / "samples.pt")
    # mmengine collects through files for collect_device cpu, and over the network (here gloo) for
    # gpu.
    for process in starting(2, lambda: measure_a_share(tmp_path)):
        process.result()
    for number, (name, device) in enumerate(runs):
        alone = METRICS[name](collect_device=device)
        alone.dataset_meta = {"classes": CLASSES}
        alone.process(None, samples)
        expected = alone.evaluate(len(samples))
        for rank in range(2):
            found = torch.load(tmp_path / f"figures_{number}_{rank}.pt", weights_only=False)
            assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)
