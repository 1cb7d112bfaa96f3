"""Arms: the same detector on the same LR pixels behind different editors, measured alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.macs import count_macs
from mmisr.ops.timing import StageTimer
from mmisr.pipeline.sr_detector import SRDetector


@dataclass(frozen=True)
class Arm:
    """One way to feed the detector.

    Args:
        name: Its name in tables.
        editor: Config of its SR editor.
        checkpoint: Weights of the editor, or None.
        feed: ``lr`` for the image under test, ``hr`` for the oracle that sees the original pixels.
    """

    name: str
    editor: dict[str, Any]
    checkpoint: str | None = None
    feed: Literal["lr", "hr"] = "lr"


@dataclass
class ArmResult:
    """What one arm gave.

    Args:
        samples: The predicted samples, in data-set order, ground truth and SR image included.
        ms: Median milliseconds per stage and image.
        macs: Mean multiply-accumulates per image and stage.
    """

    samples: list[DetDataSample] = field(default_factory=list)
    ms: dict[str, float] = field(default_factory=dict)
    macs: dict[str, float] = field(default_factory=dict)


def run_arm(
    pair: SRDetector,
    batches: Iterable[dict],
    feed: Literal["lr", "hr"] = "lr",
    on_image: Callable[[], None] | None = None,
) -> ArmResult:
    """Predict a whole data set, one image at a time, timing every stage and counting every MAC.

    Args:
        pair: The model of this arm, with ``test_cfg.keep_sr`` where pixels are compared later.
        batches: Collated batches of one image, as the data loader gives them.
        feed: Which pixels the pair gets; ``hr`` takes the sample's own HR image.
        on_image: Called after every image, for a progress bar.

    Returns:
        Samples, times and costs.

    Raises:
        ValueError: ``feed='hr'`` and a sample has no HR image.
    """
    pair.eval()
    result = ArmResult()
    pair.timer = StageTimer()
    counter = _MacCounter(pair)
    with torch.inference_mode():
        for number, batch in enumerate(batches):
            inputs = _inputs(batch, feed)
            if number == 0:  # warm-up: the first pass pays for allocation and kernel selection
                pair.test_step({"inputs": inputs, "data_samples": [s.clone() for s in batch["data_samples"]]})
                pair.timer.reset()
            counter.add(inputs, batch["data_samples"])
            result.samples += pair.test_step({"inputs": inputs, "data_samples": batch["data_samples"]})
            if on_image is not None:
                on_image()
    result.ms = pair.timer.medians()
    result.macs = counter.means()
    return result


def _inputs(batch: dict, feed: str) -> Sequence[Tensor]:
    if feed == "lr":
        return batch["inputs"]
    missing = [s.metainfo.get("img_path") for s in batch["data_samples"] if "hr" not in s]
    if missing:
        raise ValueError(f"arm 'hr' needs the HR image, and {missing[0]} has none: drop the arm, or simulate LR from HR")
    return [s.hr for s in batch["data_samples"]]


class _MacCounter:
    """MACs of editor and detector; counted once a size, and for every image where the editor is adaptive."""

    def __init__(self, pair: SRDetector) -> None:
        self.pair = pair
        self.cache: dict[tuple[int, ...], dict[str, float]] = {}
        self.counts: list[dict[str, float]] = []

    def add(self, inputs: Sequence[Tensor], samples: Sequence[DetDataSample]) -> None:
        size = tuple(inputs[0].shape[-2:])
        lr = [image.to(self.pair.data_preprocessor.device).float() / 255 for image in inputs]
        if size not in self.cache:
            self.cache[size] = {"upscale": self._upscale(lr, samples), "detector": self._detect(lr, samples)}
        count = dict(self.cache[size])
        if self.pair.editor.info.adaptive:
            count["upscale"] = self._upscale(lr, samples)
        self.counts.append(count)

    def _upscale(self, lr: list[Tensor], samples: Sequence[DetDataSample]) -> float:
        return count_macs(self.pair.upscale, lr, samples)

    def _detect(self, lr: list[Tensor], samples: Sequence[DetDataSample]) -> float:
        images = [r.image[0] for r in self.pair.upscale(lr, samples)]
        batch = self.pair.handoff(images, samples, self.pair.detector, training=False)
        return count_macs(self.pair.detector.predict, batch.inputs, batch.samples)

    def means(self) -> dict[str, float]:
        return {k: sum(c[k] for c in self.counts) / len(self.counts) for k in self.counts[0]} if self.counts else {}
