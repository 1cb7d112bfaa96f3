"""What a router must be told so that it misses no more objects than one allows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from mmisr.openmmlab.samples import annotated_boxes
from mmisr.ops.boxes import centers
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import ImageHints

SCHEMA = 1
"""Of ``router_threshold.json``; raised when a key changes its meaning."""


@dataclass(frozen=True)
class Scores:
    """What a router says of the tokens of a data set.

    Args:
        objects: (N,) score of the token that holds the centre of each annotated object.
        tokens: (M,) scores of all tokens.
        sides: (N,) longer side of each object in LR pixels.
        token: Side of a token in LR pixels.
    """

    objects: Tensor
    tokens: Tensor
    sides: Tensor
    token: int


@dataclass(frozen=True)
class Threshold:
    """A bias, and what it does.

    Args:
        recall: Share of the objects that it was chosen for.
        bias: Added to the scores: ``router=dict(type='learned', bias=...)``.
        reached: Share of the objects whose token goes deep.
        share: Share of the tokens that go deep.
        test_reached: ``reached`` on the test data, which the bias was not chosen on.
        test_share: ``share`` on the test data.
    """

    recall: float
    bias: float
    reached: float
    share: float
    test_reached: float
    test_share: float


@dataclass(frozen=True)
class Thresholds:
    """Biases by recall.

    Args:
        thresholds: One per recall.
        objects: How many annotated objects the training data has.
        large: Share of them that a window over their own token does not show whole.
        window: Side of such a window, a token with its margins, in LR pixels.
    """

    thresholds: list[Threshold]
    objects: int
    large: float
    window: int

    def to_json(self) -> dict[str, Any]:
        """What ``router_threshold.json`` holds beside ``meta``."""
        return {"schema": SCHEMA, **asdict(self)}


@torch.no_grad()
def scores_of(pair: SRDetector, batches: Iterable[dict]) -> Scores:
    """Ask a pair's router about every token of some images.

    Args:
        pair: In evaluation.
        batches: Batches of whole images, as a data loader for tests gives them.

    Raises:
        ValueError: The router does not rank tokens, or no object is annotated.
    """
    objects = [torch.zeros(0)]
    sides = [torch.zeros(0)]
    tokens = []
    for data in batches:
        batch = pair.data_preprocessor(data, False)
        images = zip(batch["inputs"], batch["data_samples"], strict=True)
        for lr, sample in images:
            scores, token = _scores(pair, lr)
            tokens.append(scores.flatten())
            boxes = annotated_boxes(sample, "lr", hw_of(lr))
            if boxes is not None:
                of_objects = at_centres(scores, boxes, token)
                objects.append(of_objects)
                longer = _longer_sides(boxes)
                sides.append(longer)
    of_all = torch.cat(objects)
    if not len(of_all):
        raise ValueError("a threshold is chosen by annotated objects, and the data has none")
    return Scores(of_all, torch.cat(tokens), torch.cat(sides), token)


def _scores(pair: SRDetector, lr: Tensor) -> tuple[Tensor, int]:
    """(rows, cols) scores of one image, and the side of a token."""
    hints = ImageHints(lr_hw=hw_of(lr), seed=0)
    routing = pair.router.route(lr[None], [hints]).cpu()
    if routing.scores is None:
        raise ValueError(
            f"the router of {pair.router.info.name!r} ranks no tokens, so that it has no "
            "threshold: set router='learned'"
        )
    return routing.scores[0], routing.token_size


def at_centres(scores: Tensor, xyxy: Tensor, token: int) -> Tensor:
    """The scores of the tokens that hold the centres of boxes.

    Args:
        scores: (rows, cols).
        xyxy: (N, 4) boxes in LR pixels.
        token: Side of a token in LR pixels.

    Returns:
        (N,).

    Example:
        >>> at_centres(torch.tensor([[1.0, 2.0]]), torch.tensor([[9.0, 0.0, 11.0, 4.0]]), 8)
        tensor([2.])
    """
    rows, cols = scores.shape
    centre = centers(xyxy.cpu())
    cells = torch.div(centre, token, rounding_mode="floor")
    col, row = cells.long().unbind(1)
    last_row = rows - 1
    last_col = cols - 1
    return scores[row.clamp(0, last_row), col.clamp(0, last_col)]


def _longer_sides(xyxy: Tensor) -> Tensor:
    """(N,) of (N, 4) boxes."""
    sides_wh = xyxy[:, 2:] - xyxy[:, :2]
    return sides_wh.cpu().amax(1)


def thresholds_for(
    recalls: Sequence[float], train: Scores, test: Scores, margin: int = 0
) -> Thresholds:
    """The largest thresholds that reach a share of the training objects.

    Args:
        recalls: Shares of the objects, in (0, 1].
        train: Of the training data.
        test: Of the test data, on which nothing is chosen.
        margin: LR pixels that a window shows around its tokens.

    Raises:
        ValueError: A share is out of range.
    """
    for recall in recalls:
        if not 0 < recall <= 1:
            raise ValueError(f"a recall is a share in (0, 1], got {recall}")
    thresholds = []
    for recall in recalls:
        threshold = _threshold(recall, train, test)
        thresholds.append(threshold)
    window = train.token + 2 * margin
    is_large = train.sides > window
    large = float(is_large.double().mean())
    return Thresholds(thresholds, len(train.objects), large, window)


def _threshold(recall: float, train: Scores, test: Scores) -> Threshold:
    count = len(train.objects)
    needed = max(1, math.ceil(recall * count))
    ranked = train.objects.sort(descending=True).values
    last = float(ranked[needed - 1])
    # A whole thousandth that lifts the last object safely above 0, from where tokens go deep.
    thousandths = math.floor(1.5 - last * 1000)
    bias = thousandths / 1000
    return Threshold(
        recall=recall,
        bias=bias,
        reached=_deep_share(train.objects, bias),
        share=_deep_share(train.tokens, bias),
        test_reached=_deep_share(test.objects, bias),
        test_share=_deep_share(test.tokens, bias),
    )


def _deep_share(scores: Tensor, bias: float) -> float:
    goes_deep = scores + bias > 0
    return float(goes_deep.double().mean())
