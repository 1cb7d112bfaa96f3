"""One of several processes of ``test_distributed.py``: measures its share of stored samples.

Run as ``collect_worker.py FOLDER RANK WORLD_SIZE``.
"""

import sys
from pathlib import Path

import torch
from torch import distributed

from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric

METRICS = {"SizeBinnedCocoMetric": SizeBinnedCocoMetric, "RegionQuality": RegionQuality}
"""By name, because the registry would import mmdet and mmagic in every process."""


def main() -> None:
    folder, rank, world = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world
    )
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


if __name__ == "__main__":
    main()
