"""The page of the app: an image to drop, what to choose, and the pictures of the result."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from mmisr.reports.view import View

INSTALL = "pip install 'mmisr[app]'"
ROUTERS = ("learned", "detector_prior", "edge", "all-hard", "fixed:0")
BUDGETS = {"none": None, "share of deep tokens": "hard_share", "milliseconds": "target_ms"}
PICTURES = {
    "bicubic": "bicubic",
    "sr": "SR",
    "detections": "boxes on SR",
    "routing": "routing: amber moderate, pink hard",
}
"""Titles by the name of a field of :class:`View`, which is the picture's name on the page too."""


class Look(Protocol):
    """Runs one image of a user, see :meth:`mmisr.apis.app.Workbench.look`."""

    def __call__(
        self, path: str, choice: str, router: str, budget: dict[str, float] | None, score_thr: float
    ) -> View:
        """What is shown of it."""


def build_page(choices: Sequence[str], look: Look) -> Any:
    """The page.

    Args:
        choices: Names of the pairs to choose from.
        look: Is called by "Run", and makes what is shown.

    Returns:
        A ``gradio.Blocks``.

    Raises:
        ImportError: Gradio is not installed.
    """
    gr = _gradio()

    def run(
        path: str | None, choice: str, router: str, kind: str, amount: float, score: float
    ) -> tuple[Any, ...]:
        if not path:
            raise gr.Error("drop an image first")
        budget = {BUDGETS[kind]: amount} if BUDGETS[kind] else None
        try:
            view = look(path, choice, router, budget, score)  # type: ignore[arg-type]
        except (ValueError, TypeError, FileNotFoundError) as error:
            # The path on the server is nobody's business.
            text = str(error).replace(path, Path(path).name)
            raise gr.Error(html.escape(text)) from error
        return (*(getattr(view, name) for name in PICTURES), view.markdown())

    with gr.Blocks(analytics_enabled=False, title="mmisr", delete_cache=(600, 3600)) as page:
        gr.Markdown(
            "## mmisr: super-resolution in front of a detector\n"
            "Drop a small image; it never leaves this machine."
        )
        with gr.Row():
            with gr.Column(scale=1):
                inputs = _inputs(gr, choices)
                button = gr.Button("Run", variant="primary", elem_id="run")
            with gr.Column(scale=3):
                outputs = _pictures(gr)
                outputs.append(gr.Markdown(elem_id="report"))
        button.click(run, inputs, outputs, api_name=False)
    return page


def _inputs(gr: Any, choices: Sequence[str]) -> list[Any]:
    """What a user gives, in the order in which "Run" takes it."""
    image = gr.Image(
        label="LR image",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        elem_id="lr",
    )
    names = list(choices)
    choice = gr.Dropdown(names, value=names[0], label="checkpoint", elem_id="checkpoint")
    router = gr.Dropdown(list(ROUTERS), value=ROUTERS[0], label="router", elem_id="router")
    kind = gr.Radio(list(BUDGETS), value="none", label="budget", elem_id="budget")
    label = "budget: share (0 to 1) or milliseconds"
    amount = gr.Number(0.2, label=label, minimum=0, elem_id="amount")
    score = gr.Slider(0, 1, 0.3, step=0.05, label="score of the boxes drawn")
    return [image, choice, router, kind, amount, score]


def _pictures(gr: Any) -> list[Any]:
    """Four pictures, two by two, losslessly."""
    pictures = []
    titles = list(PICTURES.items())
    for pair in (titles[:2], titles[2:]):
        with gr.Row():
            for name, title in pair:
                picture = gr.Image(
                    label=title,
                    format="png",
                    interactive=False,
                    elem_id=name,
                    buttons=["download", "fullscreen"],
                )
                pictures.append(picture)
    return pictures


def _gradio() -> Any:
    """Gradio, without what it sends home.

    It asks for its own updates and counts its users unless told otherwise before its import.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio
    except ImportError as error:
        raise ImportError(f"the app needs gradio: {INSTALL}") from error
    return gradio
