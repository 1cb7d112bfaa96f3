"""A few training steps of a small pair on real crops.

Alone, or as one of two processes (``main``).
"""

import copy
import sys
import tempfile
from pathlib import Path

import torch
from mmengine.optim import build_optim_wrapper
from skimage import data
from torch import distributed

sys.path.insert(0, str(Path(__file__).parents[1]))

import fixtures
import two_phases  # noqa: F401  (registers TwoPhases)

from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.distributed import PhasedDistributedDataParallel
from mmisr.registry import MODELS, STRATEGIES

STRATEGY_ARGUMENTS: dict[str, dict] = {
    "Adversarial": {
        "pixel_weight": 1.0,
        # Batch norm would have the size of a batch matter.
        "discriminator": {"patch": 32, "width": 4, "num_classes": 1, "norm": "group"},
    },
    # Smaller than the image, and with positions enough for the queries of test_any_detector.py.
    "Aeris": {"views": {"scale": [1.5, 2.0], "multiple": 16}},
    "AuxBranch": {"affinity_weight": 1.0},
    "HRDistill": {"ramp_until": 0.0, "restore": {"pixels_until": 0.0}},
    "SR4IR": {"feature_from": 0.0},
    "TaskDriven": {"feature_weight": 1.0},
    "TaskGain": {"thresholds": [1e-6, 1e-4]},
}
"""What a strategy is built with, for all of its terms to be there."""

EDITOR = {
    "type": "mmisr.PlainSR",
    "scale": 2,
    "generator": {
        "type": "mmagic.EDSRNet",
        "in_channels": 3,
        "out_channels": 3,
        "mid_channels": 8,
        "num_blocks": 1,
        "upscale_factor": 2,
    },
}
ROUTED = {
    "type": "mmisr.InstanceSR",
    "scale": 2,
    "size": {"channels": 8, "blocks": (1, 1, 1)},
    "token_size": 8,
}
"""For strategies that teach a router."""

FOLDER = Path(tempfile.mkdtemp(prefix="mmisr-strategies-"))
"""For files that strategies read; of this process alone."""

SGD = {"optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9}, "clip_grad": {"max_norm": 5.0}}


def strategies() -> list[str]:
    """Every registered strategy, the one of these tests among them."""
    STRATEGIES.import_from_location()
    return sorted(STRATEGIES.module_dict)


def editor_of(strategy: str) -> dict:
    """The config of an editor that the strategy can teach."""
    return ROUTED if strategy == "TaskGain" else EDITOR


def pair(strategy: str, editor: dict | None = None):
    """A pair without batch statistics, so that the size of a batch does not matter."""
    torch.manual_seed(0)
    detector = fixtures.small_detector()
    for part in ("backbone", "neck", "bbox_head"):
        detector[part]["norm_cfg"] = {"type": "GN", "num_groups": 4}
    named = {"type": strategy, **STRATEGY_ARGUMENTS.get(strategy, {})}
    if strategy == "HRDistill":
        named["teacher"] = teacher_file(detector)
    editor = editor or editor_of(strategy)
    return MODELS.build(
        {"type": "mmisr.SRDetector", "editor": editor, "detector": detector, "strategy": named}
    ).train()


def teacher_file(config: dict) -> str:
    """The checkpoint of a detector of the same architecture with other weights."""
    path = FOLDER / "teacher.pth"
    if not path.exists():
        with torch.random.fork_rng():
            torch.manual_seed(7)
            torch.save({"state_dict": build_detector(config).state_dict()}, path)
    return str(path)


def optimizers(model, accumulative_counts: int = 1):
    """One optimiser per part that learns."""
    inner = getattr(model, "module", model)
    taught = {name for names in inner.learning() for name in names}
    entry = {**SGD, "type": "OptimWrapper", "accumulative_counts": accumulative_counts}
    entries = dict.fromkeys(taught, entry)
    return build_optim_wrapper(
        model, {"constructor": "mmisr.PartOptimWrapperConstructor", **copy.deepcopy(entries)}
    )


def batch(first: int, count: int) -> dict:
    """Crops of a photo: image ``first`` and those after it."""
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    inputs, samples = [], []
    for number in range(first, first + count):
        hr = photo[:, 40 * number :][:, :64, 150 + 20 * number :][:, :, :96].contiguous()
        box = [10.0 + 4 * number, 12.0, 50.0 + 4 * number, 50.0 - 2 * number]
        inputs.append(hr[:, ::2, ::2].contiguous())
        samples.append(fixtures.make_sample((64, 96), [box], img_id=number, hr=hr))
    return {"inputs": inputs, "data_samples": samples}


def main(out: str) -> None:
    """Two steps of every strategy as one of two processes; the first writes the weights."""
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    weights = {}
    for name in strategies():
        model = pair(name)
        wrapped = PhasedDistributedDataParallel(model, broadcast_buffers=False)
        wrappers = optimizers(wrapped)
        for step in range(2):
            wrapped.train_step(batch(4 * step + 2 * rank, 2), wrappers)
        weights[name] = model.state_dict()
    if rank == 0:
        torch.save(weights, out)
    distributed.destroy_process_group()
