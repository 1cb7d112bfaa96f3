"""Layouts: the windows of one frame, and where they stand on the sheets that are searched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.ops.boxes import centers
from mmisr.structures.frames import hw_of

Pixels = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Which parts of a frame are searched, and where.

    Convention: all in LR pixels, xyxy and xy. Cores do not overlap, and a box belongs to the window
    whose core holds its centre, so none can come twice. Windows are their cores with a margin,
    which overlap. A sheet is an image that the pair sees as it would see a frame: a canvas with
    several windows on it, or a window alone.

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
        number = np.zeros(1, dtype=np.int64)
        corner = np.zeros((1, 2), dtype=np.int64)
        return cls(frame_hw, frame, frame, number, corner, [frame_hw])

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
        if hw_of(frame) != self.frame_hw:
            raise ValueError(
                f"a layout of a frame of {self.frame_hw} cannot cut one of {hw_of(frame)}"
            )
        if self.is_whole:
            return [frame]
        sheets = []
        for hw in self.sheets_hw:
            blank = between[:, None, None].expand(-1, *hw)
            sheets.append(blank.clone())
        for (x1, y1, x2, y2), number, (x, y) in self._placed():
            sheet = sheets[number]
            sheet[:, y : y + y2 - y1, x : x + x2 - x1] = frame[:, y1:y2, x1:x2]
        return sheets

    def paste(self, sheets: list[Tensor], frame: Tensor) -> None:
        """Write the cores of enlarged sheets onto an equally enlarged frame.

        Args:
            sheets: (C, s*h_i, s*w_i) each.
            frame: (C, s*h, s*w), written to.
        """
        scale = hw_of(frame)[0] // self.frame_hw[0]
        for index, (window, number, corner) in enumerate(self._placed()):
            core = self.cores[index] * scale
            shift = (np.array(corner) - np.array(window[:2])) * scale
            x1, y1, x2, y2 = core.tolist()
            dx, dy = shift.tolist()
            patch = sheets[number][:, y1 + dy : y2 + dy, x1 + dx : x2 + dx]
            frame[:, y1:y2, x1:x2] = patch

    def to_frame(self, number: int, xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes found on a sheet, in the frame.

        Args:
            number: Of the sheet.
            xyxy: (N, 4) boxes in LR pixels of the sheet.

        Returns:
            (N, 4) boxes in LR pixels of the frame, and (N,) bool whether a core holds the centre of
            each; the others belong to no window that saw them.
        """
        if self.is_whole:
            return xyxy, torch.ones_like(xyxy[:, 0], dtype=torch.bool)
        on_sheet = self.sheet_of == number
        corners = self.corners[on_sheet]
        shifts = self.windows[on_sheet, :2] - corners
        cores = self.cores[on_sheet] - np.tile(shifts, 2)
        shift_of = torch.from_numpy(shifts).to(xyxy)
        core_of = torch.from_numpy(cores).to(xyxy)
        centre = centers(xyxy)[:, None]
        is_after = centre >= core_of[:, :2]
        is_before = centre < core_of[:, 2:]
        holds = (is_after & is_before).all(2)
        is_owned = holds.any(1)
        owner = holds.int().argmax(1)
        moved = xyxy + shift_of[owner].repeat(1, 2)
        return moved, is_owned

    def _placed(self) -> list[tuple[list[int], int, list[int]]]:
        """Window, number of the sheet and corner on it, of each."""
        columns = self.windows.tolist(), self.sheet_of.tolist(), self.corners.tolist()
        return list(zip(*columns, strict=True))
