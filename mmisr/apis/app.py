"""What ``tools/app.py`` does.

Try a pair on one's own images in the browser, on this machine alone.
"""

from __future__ import annotations

import html
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from mmisr.apis.inferencer import SRDetInferencer
from mmisr.datasets.images import check_file, read_rgb
from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.resample import resize
from mmisr.ops.timing import StageTimer
from mmisr.reports.annotate import annotate
from mmisr.reports.pictures import FOUND, GAP, TITLE, Panel, strip, to_uint8
from mmisr.structures.frames import FrameMap
from mmisr.structures.pixels import to_unit

INSTALL = "pip install 'mmisr[app]'"
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
HOST, MAX_FILE_SIZE = "127.0.0.1", "20mb"
ROUTERS = ("learned", "detector_prior", "edge", "all-hard", "fixed:0")
BUDGETS = {"none": None, "share of deep tokens": "hard_share", "milliseconds": "target_ms"}
SMALL = (64, 64)
"""The image that warms a pair up, so that the first one shown is not charged for it."""


@dataclass(frozen=True)
class View:
    """What is shown of one image.

    Args:
        bicubic: (s*H, s*W, 3) uint8 RGB.
        sr: The same size.
        found: SR with boxes.
        routing: SR tinted by exits, None for an editor without.
        ms: Milliseconds by stage.
        facts: Lines of text.
    """

    bicubic: NDArray[np.uint8]
    sr: NDArray[np.uint8]
    found: NDArray[np.uint8]
    routing: Image.Image | None
    ms: dict[str, float]
    facts: list[str]


@dataclass
class Workbench:
    """Pairs to choose from; the one in use stays loaded.

    Args:
        choices: Config and weights (None for those that it names) by the name shown.
        device: Where to run; None for a GPU where there is one.
        max_pixels: Largest image, height times width, that is taken.
    """

    choices: dict[str, tuple[str, str | None]]
    device: str | None = None
    max_pixels: int = 1024 * 1024
    loaded: dict[str, SRDetInferencer] = field(default_factory=dict, repr=False)

    def pair(self, choice: str) -> SRDetInferencer:
        """The chosen pair, built and warmed up where it is not loaded yet.

        Raises:
            ValueError: There is no such choice.
        """
        if choice not in self.choices:
            raise ValueError(f"choose one of {sorted(self.choices)}, got {choice!r}")
        if choice not in self.loaded:
            infer = SRDetInferencer(*self.choices[choice], device=self.device, show_progress=False)
            infer.model.test_cfg = replace(infer.model.test_cfg, keep_sr=True)
            infer(np.zeros((*SMALL, 3), np.uint8))
            self.loaded.clear()
            self.loaded[choice] = infer
        return self.loaded[choice]

    def look(
        self, path: str, choice: str, router: str, budget: dict[str, float] | None, score_thr: float
    ) -> View:
        """Run one image.

        Args:
            path: The image file.
            choice: Name of a pair.
            router: Who routes; ``learned`` does nothing to an editor without routing.
            budget: See :func:`mmisr.apis.routing.route_by`.
            score_thr: Boxes of at least this score are drawn.

        Raises:
            ValueError: The image cannot be used or is too large, or the editor cannot be routed so.
        """
        height, width = check_file(path)
        if height * width > self.max_pixels:
            raise ValueError(
                f"the image has {width}x{height} pixels, more than the {self.max_pixels} that this "
                f"app takes; crop it, use "
                "tools/infer.py, or start the app with another --max-pixels"
            )
        infer, rgb = self.pair(choice), read_rgb(path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            if infer.model.editor.info.routers or budget or router != ROUTERS[0]:
                infer.route_by(router, budget)
            timer = infer.model.timer = StageTimer()
            sample = infer(rgb[..., ::-1], return_datasamples=True)["predictions"][0]
        notes = [str(w.message) for w in caught if "budget" in str(w.message)]
        return view(
            rgb, sample, infer.model.dataset_meta["classes"], timer.medians(), score_thr, notes
        )


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
        ms: Milliseconds by stage.
        score_thr: Boxes of at least this score are drawn.
        notes: Further lines.
    """
    sr = to_uint8(sample.sr.numpy())
    lr = to_unit(torch.from_numpy(rgb.transpose(2, 0, 1).copy())[None])
    bicubic = resize(lr, (sr.shape[0], sr.shape[1]), "bicubic").clamp(0, 1)[0]
    found = sample.pred_instances.cpu().numpy()
    found = found[found.scores >= score_thr]
    names = dict(enumerate(classes))
    texts = [
        f"{names.get(int(k), k)} {s:.2f}" for k, s in zip(found.labels, found.scores, strict=True)
    ]
    in_sr = FrameMap.between(rgb.shape[:2], sr.shape[:2]).boxes(found.bboxes)
    drawn = annotate(sr, in_sr, [0] * len(texts), texts, [FOUND])
    routing, tokens = sample.metainfo.get("routing"), []
    if routing is not None:
        shares = zip(routing.exit_names, routing.shares()[0].tolist(), strict=True)
        tokens = ["tokens: " + ", ".join(f"{share:.1%} {name}" for name, share in shares)]
    size = f"{rgb.shape[1]}x{rgb.shape[0]} to {sr.shape[1]}x{sr.shape[0]} pixels"
    facts = [size, f"{len(texts)} found at score {score_thr:g} or more", *tokens, *notes]
    tint = None
    if routing is not None:
        sheet = strip([Panel("", sr, routing=routing)], height=sr.shape[0])
        tint = sheet.crop((GAP, TITLE, GAP + sr.shape[1], TITLE + sr.shape[0]))
    return View(to_uint8(bicubic.numpy()), sr, drawn, tint, ms, facts)


def report(shown: View) -> str:
    """Times and facts in Markdown, with nothing in it that a browser would run."""
    total = sum(shown.ms.values())
    rows = [f"| {stage} | {ms:.1f} |" for stage, ms in (*shown.ms.items(), ("together", total))]
    facts = [f"- {html.escape(fact)}" for fact in shown.facts]
    return "\n".join(["| stage | ms |", "|---|---:|", *rows, "", *facts])


def build_app(bench: Workbench) -> Any:
    """The page.

    Args:
        bench: What it runs.

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
            shown = bench.look(path, choice, router, budget, score)  # type: ignore[arg-type]
        except (ValueError, TypeError, FileNotFoundError) as error:
            raise gr.Error(html.escape(str(error).replace(path, Path(path).name))) from error
        return shown.bicubic, shown.sr, shown.found, shown.routing, report(shown)

    with gr.Blocks(analytics_enabled=False, title="mmisr", delete_cache=(600, 3600)) as app:
        gr.Markdown(
            "## mmisr: super-resolution in front of a detector\nDrop a small image; it never "
            "leaves this machine."
        )
        with gr.Row():
            with gr.Column(scale=1):
                image = gr.Image(
                    label="LR image",
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard"],
                    elem_id="lr",
                )
                choices = list(bench.choices)
                choice = gr.Dropdown(
                    choices, value=choices[0], label="checkpoint", elem_id="checkpoint"
                )
                router = gr.Dropdown(
                    list(ROUTERS), value=ROUTERS[0], label="router", elem_id="router"
                )
                kind = gr.Radio(list(BUDGETS), value="none", label="budget", elem_id="budget")
                amount = gr.Number(
                    0.2, label="budget: share (0 to 1) or milliseconds", minimum=0, elem_id="amount"
                )
                score = gr.Slider(0, 1, 0.3, step=0.05, label="score of the boxes drawn")
                button = gr.Button("Run", variant="primary", elem_id="run")
            with gr.Column(scale=3):
                pictures = _pictures(gr)
                text = gr.Markdown(elem_id="report")
        button.click(
            run, [image, choice, router, kind, amount, score], [*pictures, text], api_name=False
        )
    return app


def _pictures(gr: Any) -> list[Any]:
    """Four pictures, two by two, losslessly."""
    titles = (
        ("bicubic", "bicubic"),
        ("sr", "SR"),
        ("found", "boxes on SR"),
        ("routing", "routing: amber moderate, pink hard"),
    )
    made = []
    for pair in (titles[:2], titles[2:]):
        with gr.Row():
            made += [
                gr.Image(
                    label=title,
                    format="png",
                    interactive=False,
                    elem_id=name,
                    buttons=["download", "fullscreen"],
                )
                for name, title in pair
            ]
    return made


def serve(
    configs: Sequence[str],
    weights: Sequence[str] = (),
    device: str | None = None,
    port: int | None = None,
    max_pixels: int = Workbench.max_pixels,
    block: bool = True,
) -> str:
    """Serve the page on this machine alone, without sharing and without telemetry.

    Args:
        configs: Configs of pairs to choose from; the published one where there are none.
        weights: Further checkpoints of the first config.
        device: Where to run; None for a GPU where there is one.
        port: Port; None for the first free one from 7860.
        max_pixels: Largest image that is taken.
        block: Wait until the server is stopped.

    Returns:
        The address.

    Raises:
        ImportError: Gradio is not installed.
        FileNotFoundError: A config or a checkpoint does not exist.
    """
    configs = list(configs) or [CONFIG]
    for path in (*configs, *weights):
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"{path} does not exist; give configs of pairs and checkpoints of the first of them"
            )
    choices: dict[str, tuple[str, str | None]] = {Path(c).stem: (c, None) for c in configs}
    choices |= {f"{Path(configs[0]).stem}: {Path(w).name}": (configs[0], w) for w in weights}
    app = build_app(Workbench(choices, device, max_pixels))
    _, address, _ = app.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        ssr_mode=False,
        max_file_size=MAX_FILE_SIZE,
        footer_links=[],
        quiet=True,
        prevent_thread_lock=True,
    )
    print(f"mmisr is at {address}; stop it with Ctrl-C")
    if block:
        app.block_thread()
    return str(address)


def _gradio() -> Any:
    """Gradio, which asks for its own updates and counts its users unless told otherwise before its import."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio
    except ImportError as error:
        raise ImportError(f"the app needs gradio: {INSTALL}") from error
    return gradio
