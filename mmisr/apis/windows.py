"""Windows for pictures that were written, where ``--show`` and its like ask for them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def check_display(flag: str) -> None:
    """See that windows can be opened, before the work begins.

    Args:
        flag: The flag that asked for them, for the message.

    Raises:
        RuntimeError: matplotlib has no backend with windows here.
    """
    from matplotlib import pyplot

    figure = pyplot.figure()
    framework = figure.canvas.required_interactive_framework
    pyplot.close(figure)
    if framework is None:
        raise RuntimeError(
            f"{flag} opens a window, and matplotlib has none here (its backend is "
            f"{pyplot.get_backend()}): leave it out, the picture is written all the same; or give "
            "it a display and an interactive backend (MPLBACKEND)"
        )


def show_picture(path: str | Path, seconds: float | None = None) -> None:
    """Show a picture in a window; :func:`check_display` says whether there are any.

    Args:
        path: An image file that Pillow reads.
        seconds: How long the window stays; None until it is closed.
    """
    from matplotlib import pyplot

    with Image.open(path) as image:
        inches = (image.width / 100, image.height / 100)
        figure = pyplot.figure(Path(path).name, figsize=inches)
        axis = figure.add_axes((0, 0, 1, 1))
        axis.imshow(image)
    axis.set_axis_off()
    if seconds is None:
        pyplot.show()
    else:
        pyplot.pause(seconds)
    pyplot.close(figure)
