"""What the app shows of one image: four pictures, the time of each stage, and lines of text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.structures import InstanceData
from numpy.typing import NDArray
from PIL import Image

from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.resample import resize
from mmisr.reports.annotate import annotate, box_texts, outlined, tinted
from mmisr.reports.pictures import FOUND, GAP, TITLE, Panel, strip, to_uint8
from mmisr.structures.frames import FrameMap
from mmisr.structures.pixels import to_unit
from mmisr.structures.sr_result import RoutingMap


@dataclass(frozen=True)
class View:
    """What is shown of one image.

    Args:
        bicubic: LR enlarged, (s*H, s*W, 3) uint8 RGB.
        sr: The SR image, of the same size.
        detections: SR with the boxes that the detector found.
        routing: SR tinted by exits; None for an editor that routes no tokens.
        ms: Milliseconds that each stage took, by its name.
        facts: Lines of text about the image and its result.
    """

    bicubic: NDArray[np.uint8]
    sr: NDArray[np.uint8]
    detections: NDArray[np.uint8]
    routing: Image.Image | None
    ms: dict[str, float]
    facts: list[str]

    def markdown(self) -> str:
        """Times and facts, with nothing in them that a browser would run."""
        rows = [f"| {stage} | {ms:.1f} |" for stage, ms in self.ms.items()]
        together = sum(self.ms.values())
        rows.append(f"| together | {together:.1f} |")
        facts = [f"- {html.escape(fact)}" for fact in self.facts]
        lines = [
            "| stage | ms |",
            "|---|---:|",
            *rows,
            "",
            *facts,
        ]
        return "\n".join(lines)


def view(
    rgb: NDArray[np.uint8],
    sample: DetDataSample,
    classes: Sequence[str],
    ms: dict[str, float],
    score_thr: float,
    notes: Sequence[str] = (),
) -> View:
    """Draw one result.

    Args:
        rgb: (H, W, 3) uint8, the LR image.
        sample: What a pair with ``keep_sr`` predicted; boxes in pixels of the LR image.
        classes: Names of the classes.
        ms: Milliseconds that each stage took, by its name.
        score_thr: Boxes of at least this score are drawn, from 0 to 1.
        notes: Further lines for the facts; none by default.
    """
    sr = to_uint8(sample.sr.numpy())
    instances = sample.pred_instances.cpu().numpy()
    shown = instances[instances.scores >= score_thr]
    to_sr = FrameMap.between(rgb.shape[:2], sr.shape[:2])
    facts = [
        f"{_size(rgb)} to {_size(sr)} pixels",
        f"{len(shown)} found at score {score_thr:g} or more",
    ]
    detections = _with_boxes(sr, shown, classes, to_sr)
    searched = sample.metainfo.get("searched")
    if searched is not None:
        facts.append(f"searched in {len(searched)} windows")
        detections = outlined(detections, to_sr.boxes(searched).numpy())
    routing = sample.metainfo.get("routing")
    tint = None
    if routing is not None:
        facts.append(_shares(routing))
        tint = _tinted(sr, routing)
    return View(
        bicubic=_bicubic(rgb, sr),
        sr=sr,
        detections=detections,
        routing=tint,
        ms=ms,
        facts=[*facts, *notes],
    )


def _size(rgb: NDArray[np.uint8]) -> str:
    height, width = rgb.shape[:2]
    return f"{width}x{height}"


def _bicubic(rgb: NDArray[np.uint8], sr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The LR image, enlarged to the size of SR."""
    height, width = sr.shape[:2]
    pixels = rgb.transpose(2, 0, 1).copy()
    image = torch.from_numpy(pixels)
    lr = to_unit(image[None])
    bicubic = resize(lr, (height, width), "bicubic")
    clamped = bicubic.clamp(0, 1)
    enlarged = clamped[0].numpy()
    return to_uint8(enlarged)


def _with_boxes(
    sr: NDArray[np.uint8], instances: InstanceData, classes: Sequence[str], to_sr: FrameMap
) -> NDArray[np.uint8]:
    """SR with the boxes of LR instances."""
    labels = instances.labels
    scores = instances.scores
    texts = box_texts(classes, labels, scores)
    in_lr = instances.bboxes
    boxes = to_sr.boxes(in_lr)
    # The text says the class; one colour stands out on any image.
    count = len(texts)
    one_colour = [0] * count
    colours = [FOUND]
    masks = instances.get("masks")
    picture = tinted(sr, masks, one_colour, colours)
    return annotate(picture, boxes, one_colour, texts, colours)


def _shares(routing: RoutingMap) -> str:
    exits = routing.exit_names
    shares = routing.shares()[0].tolist()
    parts = []
    for name, share in zip(exits, shares, strict=True):
        parts.append(f"{share:.1%} {name}")
    listed = ", ".join(parts)
    return f"tokens: {listed}"


def _tinted(sr: NDArray[np.uint8], routing: RoutingMap) -> Image.Image:
    """SR with the tokens tinted by their exits, at its own size."""
    height, width = sr.shape[:2]
    # Drawn as in the reports, then cut out of its frame.
    sheet = strip([Panel("", sr, routing=routing)], height=height)
    return sheet.crop((GAP, TITLE, GAP + width, TITLE + height))
