"""Where depth is worth something to the detector."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from mmisr.ops.files import write_whole
from mmisr.reports.plots import DPI
from mmisr.structures.frames import hw_of


def plot_gains(image: Tensor, gains: Tensor, path: Path) -> None:
    """An SR image, and the gain of its tokens beside it: blue saves loss, red hurts.

    Args:
        image: (3, H, W) RGB in [0, 1].
        gains: (rows, cols).
        path: PNG, PDF or SVG to write.
    """
    height, width = hw_of(image)
    pixels = image.detach().clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    values = gains.detach().cpu().numpy()
    largest = abs(values).max() or 1.0
    figure = Figure(figsize=(9, 4.5 * height / width + 0.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(pixels)
    left.set_title("every token deep")
    shown = right.imshow(
        values,
        cmap="RdBu",
        vmin=-largest,
        vmax=largest,
        extent=(0, width, height, 0),
    )
    right.set_title("loss that a token saves")
    figure.colorbar(shown, ax=right, shrink=0.8)
    for axis in (left, right):
        axis.set_axis_off()
    write_whole(path, partial(figure.savefig, dpi=DPI))
