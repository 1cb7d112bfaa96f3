"""On which images one arm does better than another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import COCO
from mmisr.evaluation.size_bins import Protocol


@dataclass(frozen=True)
class ImageCounts:
    """What one arm did on one image, at IoU 0.5 and from one score on.

    Args:
        annotated: Annotations that count.
        true: Detections that found one of them.
        false: Detections that found nothing.
    """

    annotated: int
    true: int
    false: int

    @property
    def f1(self) -> float | None:
        """Twice the true positives over annotations and detections together.

        None where nothing is annotated.
        """
        if not self.annotated:
            return None
        return 2 * self.true / (self.annotated + self.true + self.false)


@dataclass(frozen=True)
class ImageGain:
    """One image in two arms.

    Args:
        index: Number of the image, from 0.
        a: What the one arm did.
        b: What the arm it is compared with did.
    """

    index: int
    a: ImageCounts
    b: ImageCounts

    @property
    def gain(self) -> float | None:
        """F1 of ``a`` less F1 of ``b``; None where nothing is annotated.

        F1 and not AP, because AP of one image with few objects is mostly chance and does not exist
        for one without; and a picture shows boxes from one score on, which is what F1 counts.
        Whether an arm is better over all scores is for AP and its interval to say, not for this.
        """
        return None if self.a.f1 is None or self.b.f1 is None else self.a.f1 - self.b.f1


def count_images(
    records: Sequence[ImageRecord], score_thr: float, max_dets: int, rules: Protocol = COCO
) -> list[ImageCounts]:
    """Count true and false detections image by image.

    Args:
        records: One per image.
        score_thr: Detections from this score on count.
        max_dets: Detections per image (and class) that count.
        rules: The protocol whose rules match.

    Returns:
        One entry per image, in the order of the records.
    """
    counts = []
    for record in records:
        matches = match_image(record, score_thr, max_dets, rules)
        annotated = matches.counted.sum()
        of_image = ImageCounts(
            annotated=int(annotated),
            true=len(matches.true),
            false=len(matches.false),
        )
        counts.append(of_image)
    return counts


def image_gains(
    a: Sequence[ImageRecord],
    b: Sequence[ImageRecord],
    scores: Mapping[str, float],
    max_dets: int,
    rules: Protocol = COCO,
) -> list[ImageGain]:
    """Compare two arms image by image.

    Args:
        a: Records of the one arm.
        b: Records of the other, of the same images in the same order.
        scores: Detections from this score on count, ``a`` and ``b``. Sharper pixels raise the
            scores of a detector, so that one score for both would compare calibration;
            :func:`mmisr.evaluation.functional.precision_recall.best_score` gives each arm its own
            by the same rule.
        max_dets: Detections per image (and class) that count, in both arms.
        rules: The protocol whose rules match.

    Returns:
        One entry per image, in the order of the records.

    Raises:
        ValueError: The images are not the same.
    """
    ids_a = [record.img_id for record in a]
    ids_b = [record.img_id for record in b]
    if ids_a != ids_b:
        raise ValueError(
            f"image_gains() compares the same images in the same order, got {len(a)} and {len(b)} "
            f"with other ids: "
            "give two arms of one comparison"
        )
    of_a = count_images(a, scores["a"], max_dets, rules)
    of_b = count_images(b, scores["b"], max_dets, rules)
    pairs = zip(of_a, of_b, strict=True)
    return [ImageGain(index, *pair) for index, pair in enumerate(pairs)]


def extremes(gains: Sequence[ImageGain], count: int) -> tuple[list[ImageGain], list[ImageGain]]:
    """The images that gain most and those that lose most.

    Args:
        gains: See :func:`image_gains`.
        count: How many of each at most.

    Returns:
        Gains above 0, largest first, and below 0, largest loss first. An image without a change is
        in neither; among equals the earlier comes first.
    """
    best = sorted((g for g in gains if (g.gain or 0) > 0), key=lambda g: -(g.gain or 0))
    worst = sorted((g for g in gains if (g.gain or 0) < 0), key=lambda g: g.gain or 0)
    return best[:count], worst[:count]
