"""Layouts: the windows of one frame, and where they stand on the sheets that are searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.ops.boxes import area, clip
from mmisr.ops.merging import held_centres
from mmisr.ops.placed_masks import PlacedMask, placed
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import Found

Pixels = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Which parts of a frame are searched, and where.

    Convention: all in LR pixels, xyxy and xy. Cores do not overlap, and a box belongs to the window
    whose core holds its centre, or nearly (:data:`mmisr.ops.merging.SLACK`). Windows are their
    cores with a margin, which overlap. A sheet is an image that the pair sees as it would see a
    frame: a canvas with several windows on it, or a window alone.

    Args:
        frame_hw: Height and width of the frame.
        cores: (n, 4) what each window answers for.
        windows: (n, 4) what each window shows.
        sheet_of: (n,) number of the sheet that each stands on.
        corners: (n, 2) x and y of each window's corner on its sheet.
        sheets_hw: Height and width of each sheet.
    """

    frame_hw: tuple[int, int]
    cores: Pixels
    windows: Pixels
    sheet_of: Pixels
    corners: Pixels
    sheets_hw: list[tuple[int, int]]

    @classmethod
    def whole(cls, frame_hw: tuple[int, int]) -> Layout:
        """The frame as the one window, which is its own sheet.

        Args:
            frame_hw: Height and width of the frame.
        """
        height, width = frame_hw
        frame = np.array([[0, 0, width, height]])
        return cls(
            frame_hw=frame_hw,
            cores=frame,
            windows=frame,
            sheet_of=np.zeros(1, dtype=np.int64),
            corners=np.zeros((1, 2), dtype=np.int64),
            sheets_hw=[frame_hw],
        )

    @classmethod
    def empty(cls, frame_hw: tuple[int, int]) -> Layout:
        """No window: nothing is searched.

        Args:
            frame_hw: Height and width of the frame.
        """
        no_boxes = np.zeros((0, 4), dtype=np.int64)
        return cls(
            frame_hw=frame_hw,
            cores=no_boxes,
            windows=no_boxes,
            sheet_of=np.zeros(0, dtype=np.int64),
            corners=np.zeros((0, 2), dtype=np.int64),
            sheets_hw=[],
        )

    @property
    def is_whole(self) -> bool:
        """Whether the one sheet is the frame itself, and all of it is answered for."""
        height, width = self.frame_hw
        return self.cores.tolist() == [[0, 0, width, height]]

    @property
    def area_share(self) -> float:
        """Pixels of all sheets, over those of the frame."""
        height, width = self.frame_hw
        searched = sum(rows * cols for rows, cols in self.sheets_hw)
        return searched / (height * width)

    def cut(self, frame: Tensor, between: Tensor) -> list[Tensor]:
        """The sheets, with what the windows show.

        Args:
            frame: (C, h, w) of any type.
            between: (C,) value of the pixels that no window covers.

        Returns:
            (C, h_i, w_i) each; the frame itself where the layout is whole.

        Raises:
            ValueError: The frame is of another size.
        """
        hw = hw_of(frame)
        if hw != self.frame_hw:
            raise ValueError(f"a layout of a frame of {self.frame_hw} cannot cut one of {hw}")
        if self.is_whole:
            return [frame]
        sheets = []
        for sheet_hw in self.sheets_hw:
            blank = between[:, None, None].expand(-1, *sheet_hw)
            sheet = blank.clone()
            sheets.append(sheet)
        for in_frame, on_sheet, number in self._placed(self.windows):
            shown = frame[_pixels_of(in_frame)]
            sheet = sheets[number]
            sheet[_pixels_of(on_sheet)] = shown
        return sheets

    def paste(self, sheets: list[Tensor], frame: Tensor) -> None:
        """Write the cores of enlarged sheets onto an equally enlarged frame.

        Args:
            sheets: (C, s*h_i, s*w_i) each.
            frame: (C, s*h, s*w), written to.
        """
        height, _ = hw_of(frame)
        lr_height, _ = self.frame_hw
        scale = height // lr_height
        for in_frame, on_sheet, number in self._placed(self.cores):
            sheet = sheets[number]
            core = sheet[_pixels_of(on_sheet, scale)]
            frame[_pixels_of(in_frame, scale)] = core

    def to_frame(self, number: int, xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes found on a sheet, in the frame.

        Args:
            number: Of the sheet.
            xyxy: (N, 4) boxes in LR pixels of the sheet.

        Returns:
            (N, 4) boxes in LR pixels of the frame, and (N,) bool whether a core holds the centre of
            each, or nearly; the others belong to no window that saw them.
        """
        if self.is_whole:
            return xyxy, torch.ones_like(xyxy[:, 0], dtype=torch.bool)
        owner, is_owned = self._owners(number, xyxy)
        shifts = torch.from_numpy(self._shifts())
        shift_of = shifts.to(xyxy)
        in_frame = xyxy - shift_of[owner]
        return in_frame, is_owned

    def objects_to_sheet(self, number: int, objects: Found) -> Found:
        """Objects of the frame as a sheet shows them: window by window, cut where a window ends.

        Args:
            number: Of the sheet.
            objects: In LR pixels of the frame.

        Returns:
            The same in LR pixels of the sheet. An object that several of its windows show comes
            once for each; one that a window shows nothing of, by its box or its mask, does not.
        """
        if self.is_whole:
            return objects
        parts = []
        for in_frame, on_sheet, sheet in self._placed(self.windows):
            if sheet == number:
                shown = _shown(objects, in_frame, on_sheet, self.sheets_hw[sheet])
                parts.append(shown)
        return Found.joined(parts)

    def masks_to_frame(
        self, number: int, xyxy: Tensor, masks: Tensor, factor_xy: tuple[int, int]
    ) -> list[PlacedMask]:
        """Masks found on a sheet, in the frame: what their window shows of them.

        On a canvas other windows stand beside it, which show other places.

        Args:
            number: Of the sheet.
            xyxy: (N, 4) their boxes in LR pixels of the sheet, each of which a core owns.
            masks: (N, f*h_i, f*w_i) bool, pixels of the enlarged sheet.
            factor_xy: How many times it is enlarged, along x and y.

        Returns:
            N masks in pixels of the equally enlarged frame.
        """
        if self.is_whole:
            return placed(masks)
        owner, _ = self._owners(number, xyxy)
        by_window = self._placed(self.windows)
        windows = list(by_window)
        numbers = owner.tolist()
        in_place = []
        for mask, window in zip(masks, numbers, strict=True):
            in_frame, on_sheet, _ = windows[window]
            rows, cols = _enlarged_part(in_frame, factor_xy)
            part = _enlarged_part(on_sheet, factor_xy)
            shown = mask[part]
            corner_xy = cols.start, rows.start
            alone = shown[None]
            in_place.extend(placed(alone, corner_xy))
        return in_place

    def _owners(self, number: int, xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Which window answers for each box found on a sheet.

        Args:
            number: Of the sheet.
            xyxy: (N, 4) boxes in LR pixels of the sheet.

        Returns:
            (N,) numbers of windows, and (N,) bool whether one answers at all.
        """
        is_on_sheet = self.sheet_of == number
        shifts = self._shifts()
        cores = self.cores + shifts
        windows = self.windows + shifts
        near_core = held_centres(xyxy, torch.from_numpy(cores[is_on_sheet]))
        # Beyond a window, a canvas shows another one.
        shown = held_centres(xyxy, torch.from_numpy(windows[is_on_sheet]), slack=0)
        holds = near_core & shown
        on_sheet = np.flatnonzero(is_on_sheet)
        numbers = torch.from_numpy(on_sheet)
        numbers = numbers.to(xyxy.device)
        first = holds.int().argmax(1)
        return numbers[first], holds.any(1)

    def _shifts(self) -> Pixels:
        """(n, 4) what xyxy in the frame and on the sheet of a window differ by."""
        starts = self.windows[:, :2]
        return np.tile(self.corners - starts, 2)

    def _placed(self, xyxy: Pixels) -> Iterator[tuple[list[int], list[int], int]]:
        """Where a box of every window lies in the frame, where on its sheet, and on which.

        Args:
            xyxy: (n, 4) one per window, in the frame.
        """
        on_sheet = xyxy + self._shifts()
        columns = xyxy.tolist(), on_sheet.tolist(), self.sheet_of.tolist()
        return zip(*columns, strict=True)


def _shown(
    objects: Found, in_frame: list[int], on_sheet: list[int], sheet_hw: tuple[int, int]
) -> Found:
    """What one window shows of objects, where it stands on its sheet.

    Args:
        objects: In LR pixels of the frame.
        in_frame: The window there, xyxy.
        on_sheet: The same on its sheet.
        sheet_hw: Height and width of the sheet.
    """
    boxes = objects.boxes_lr
    left, top, right, bottom = in_frame
    corner = boxes.new_tensor([left, top, left, top])
    inside = clip(boxes - corner, (bottom - top, right - left))
    is_shown = area(inside) > 0
    masks = objects.masks_lr
    if masks is not None:
        # A mask may reach beyond its box.
        in_window = masks[_pixels_of(in_frame)]
        is_shown |= in_window.flatten(1).any(1)
        masks = masks.new_zeros(int(is_shown.sum()), *sheet_hw)
        masks[_pixels_of(on_sheet)] = in_window[is_shown]
    x, y, _, _ = on_sheet
    moved = inside + boxes.new_tensor([x, y, x, y])
    return Found(
        boxes_lr=moved[is_shown],
        scores=objects.scores[is_shown],
        labels=objects.labels[is_shown],
        masks_lr=masks,
    )


def _pixels_of(xyxy: list[int], scale: int = 1) -> tuple[slice, ...]:
    """What a box holds of an image (C, s*h, s*w) that is enlarged so many times."""
    x1, y1, x2, y2 = (edge * scale for edge in xyxy)
    return slice(None), slice(y1, y2), slice(x1, x2)


def _enlarged_part(xyxy: list[int], factor_xy: tuple[int, int]) -> tuple[slice, slice]:
    """What a box holds of a mask (f*h, f*w) that is enlarged so many times along x and y."""
    x1, y1, x2, y2 = xyxy
    x_factor, y_factor = factor_xy
    left = x1 * x_factor
    right = x2 * x_factor
    top = y1 * y_factor
    bottom = y2 * y_factor
    rows = slice(top, bottom)
    cols = slice(left, right)
    return rows, cols
