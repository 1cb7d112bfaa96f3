"""What ``tools/app.py`` does: try a pair on one's own images in the browser.

The page is served to this machine alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mmisr.apis.inferencer import SRDetInferencer
from mmisr.datasets.images import check_file, read_rgb
from mmisr.ops.timing import StageTimer
from mmisr.reports.app_page import ROUTERS, build_page
from mmisr.reports.view import View, view

CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
HOST = "127.0.0.1"
MAX_FILE_SIZE = "20mb"
SMALL = (64, 64, 3)
"""The image that warms a pair up, so that the first one shown is not charged for it."""


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
            known = sorted(self.choices)
            raise ValueError(f"choose one of {known}, got {choice!r}")
        infer = self.loaded.get(choice)
        if infer is None:
            config, weights = self.choices[choice]
            infer = self._load(config, weights)
            self.loaded.clear()
            self.loaded[choice] = infer
        return infer

    def _load(self, config: str, weights: str | None) -> SRDetInferencer:
        infer = SRDetInferencer(config, weights, device=self.device, show_progress=False)
        pair = infer.model
        pair.test_cfg = replace(pair.test_cfg, keep_sr=True)
        blank = np.zeros(SMALL, np.uint8)
        infer(blank)
        return infer

    def look(
        self, path: str, choice: str, router: str, budget: dict[str, float] | None, score_thr: float
    ) -> View:
        """Run one image.

        Args:
            path: The image file.
            choice: Name of one of the pairs.
            router: Name of the router; ``learned`` does nothing to an editor without routing.
            budget: See :func:`mmisr.pipeline.routing.route_by`.
            score_thr: Boxes of at least this score are drawn, from 0 to 1.

        Raises:
            ValueError: The image cannot be used or is too large, or the editor cannot be routed so.
        """
        height, width = check_file(path)
        if height * width > self.max_pixels:
            raise ValueError(
                f"the image has {width}x{height} pixels, more than the {self.max_pixels} that "
                "this app takes; crop it, use tools/infer.py, or start the app with another "
                "--max-pixels"
            )
        infer = self.pair(choice)
        pair = infer.model
        rgb = read_rgb(path)
        bgr = rgb[..., ::-1]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            if pair.editor.info.routers or budget or router != ROUTERS[0]:
                infer.route_by(router, budget)
            pair.timer = StageTimer()
            results = infer(bgr, return_datasamples=True)
        sample = results["predictions"][0]
        messages = [str(warning.message) for warning in caught]
        # An image that costs more than its budget is worth a line on the page.
        notes = [text for text in messages if "budget" in text]
        classes = pair.dataset_meta["classes"]
        ms = pair.timer.medians()
        return view(rgb, sample, classes, ms, score_thr, notes)


def serve(
    configs: Sequence[str],
    weights: Sequence[str] = (),
    device: str | None = None,
    port: int | None = None,
    max_pixels: int = Workbench.max_pixels,
    block: bool = True,
    announce: Callable[[str], object] | None = None,
) -> str:
    """Serve the page on this machine alone, without sharing and without telemetry.

    Args:
        configs: Configs of pairs to choose from; the published one where there are none.
        weights: Further checkpoints of the first config.
        device: Where to run; None for a GPU where there is one.
        port: The port to listen on; None for the first free one from 7860.
        max_pixels: Largest image, height times width, that is taken.
        block: Whether to wait until the server is stopped.
        announce: Is called with the address before the wait begins; None for nobody.

    Returns:
        The address.

    Raises:
        ImportError: Gradio is not installed.
        FileNotFoundError: A config or a checkpoint does not exist.
    """
    choices = _choices(list(configs) or [CONFIG], weights)
    bench = Workbench(choices, device, max_pixels)
    page = build_page(list(choices), bench.look)
    _, address, _ = page.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        ssr_mode=False,
        max_file_size=MAX_FILE_SIZE,
        footer_links=[],
        quiet=True,
        prevent_thread_lock=True,
    )
    if announce is not None:
        announce(str(address))
    if block:
        page.block_thread()
    return str(address)


def _choices(configs: Sequence[str], weights: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Config and weights by the name shown."""
    for path in (*configs, *weights):
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"{path} does not exist; give configs of pairs and checkpoints of the first of them"
            )
    choices: dict[str, tuple[str, str | None]] = {}
    for config in configs:
        name = Path(config).stem
        choices[name] = (config, None)
    first = configs[0]
    for path in weights:
        name = f"{Path(first).stem}: {Path(path).name}"
        choices[name] = (first, path)
    return choices
