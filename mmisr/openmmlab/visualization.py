"""Visualizer ``SRDetVisualizer``: boxes of a pair on the image that they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco_masks

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer

from mmisr.openmmlab.masks import without_masks
from mmisr.openmmlab.samples import hr_pixels
from mmisr.registry import VISUALIZERS

SCORE_THR = 0.3
"""Detections above this score are drawn, by mmdet's default."""


@VISUALIZERS.register_module()
class SRDetVisualizer(DetLocalVisualizer):
    """mmdet's visualizer, for clients that draw a sample's boxes on its ``inputs``.

    mmdet's ``browse_dataset`` does: it takes ``inputs`` for the image in the frame of the boxes, in
    BGR. A pair's are the LR image in RGB, so the boxes are drawn on the HR image that the sample
    carries.

    The arguments are those of mmdet's ``DetLocalVisualizer``.
    """

    def add_datasample(
        self,
        name: str,
        image: NDArray[Any],
        data_sample: DetDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        **options: Any,  # mmdet's own, an unknown one fails there by name
    ) -> None:
        """Draw as mmdet does.

        Args:
            name: Name of the picture.
            image: (H, W, 3) RGB.
            data_sample: With ground truth and predictions in the source frame.
            draw_gt: Whether to draw the ground truth.
            draw_pred: Whether to draw the predictions.
            options: As in mmdet.

        Raises:
            ValueError: The image is not in the frame of the boxes, and the sample does not carry
                the one that is.
        """
        if data_sample is not None and "lr_shape" in data_sample:
            image = _in_source_frame(image, data_sample, is_input=draw_gt and not draw_pred)
        if data_sample is not None:
            score_thr = options.get("pred_score_thr", SCORE_THR)
            data_sample = _with_pixels(data_sample, score_thr)
        super().add_datasample(name, image, data_sample, draw_gt, draw_pred, **options)


def _with_pixels(sample: DetDataSample, score_thr: float) -> DetDataSample:
    """A sample whose predicted masks are pixels, which mmdet draws; run lengths are decoded.

    Args:
        sample: It stays what it is.
        score_thr: What does not score more is not drawn, and left out.
    """
    instances = sample.get("pred_instances", {})
    runs = instances.get("masks")
    if not isinstance(runs, list):
        return sample
    is_shown = instances.scores > score_thr
    shown = instances[is_shown]
    drawn = without_masks(shown)
    if len(shown):
        # (H, W, N), 1 in the object.
        pixels = coco_masks.decode(shown.masks)
        of_each = np.moveaxis(pixels, 2, 0)
        drawn.masks = torch.from_numpy(of_each).bool()
    copy = sample.clone()
    copy.pred_instances = drawn
    return copy


def _in_source_frame(image: NDArray[Any], sample: DetDataSample, is_input: bool) -> NDArray[Any]:
    """The image that a pair's boxes belong to.

    ``is_input`` says that ``image`` is what the pair gets, colours reversed.
    """
    source, lr = tuple(sample.source_shape)[:2], tuple(sample.lr_shape)[:2]
    if not is_input and (image.shape[:2] != lr or source == lr):
        return image
    hr = hr_pixels(sample)
    if hr is None:
        raise ValueError(
            "this is the input of a pair, whose pixels are RGB and may be smaller than the frame "
            "of its boxes, and there is no HR "
            "image to draw on (native LR): run `mmisr browse_dataset CONFIG`, which draws both"
        )
    if tuple(hr.shape[-2:]) != source:  # native LR with a partner: the boxes are the input's
        rgb = image[..., ::-1]
        return np.ascontiguousarray(rgb)
    return np.ascontiguousarray(np.asarray(hr).transpose(1, 2, 0))
