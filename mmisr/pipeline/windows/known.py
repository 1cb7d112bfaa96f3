"""What is known of an image, for the sheets that show parts of it."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from mmisr.openmmlab.editor import SREditor
from mmisr.pipeline.windows.layout import Layout
from mmisr.structures.hints import ImageHints, annotated, nothing_there

PIXEL = (1, 1)
"""The size of an image that shows what a prior says where nothing is."""


def hints_on_sheets(known: ImageHints, layout: Layout, editor: SREditor) -> list[ImageHints]:
    """What is known of an image, in the frames of its sheets.

    Args:
        known: Of the whole image, in the lr frame.
        layout: Its windows.
        editor: Who super-resolves the sheets.

    Returns:
        One record per sheet: its size, the objects that it shows, annotated and found
        (:meth:`Layout.objects_to_sheet`), and what the editor's prior says of its pixels where that
        is a map of the whole image. What has no place in the image is the same for all.
    """
    prior_maps = _prior_maps(known, layout, editor)
    objects = annotated(known)
    sheets = []
    for number, prior_map in enumerate(prior_maps):
        hw = layout.sheets_hw[number]
        on_sheet = replace(known, lr_hw=hw, prior_map=prior_map)
        if objects is not None:
            shown = layout.objects_to_sheet(number, objects)
            on_sheet = replace(
                on_sheet,
                boxes_lr=shown.boxes_lr,
                labels=None if known.labels is None else shown.labels,
                masks_lr=shown.masks_lr,
            )
        if known.found is not None:
            found = layout.objects_to_sheet(number, known.found)
            on_sheet = replace(on_sheet, found=found)
        sheets.append(on_sheet)
    return sheets


def _prior_maps(known: ImageHints, layout: Layout, editor: SREditor) -> list[Tensor] | list[None]:
    """(C, h_i, w_i) of each sheet; None for all where the editor's prior is no such map."""
    of_frame = editor.prior_map(known, layout.frame_hw)
    nothing = nothing_there(PIXEL)
    of_nothing = editor.prior_map(nothing, PIXEL)
    if of_frame is None or of_nothing is None:
        return [None] * len(layout.sheets_hw)
    between = of_nothing[:, 0, 0]
    return layout.cut(of_frame, between)
