"""Choose router and budget of a built pair; one clear error where its editor has none."""

from __future__ import annotations

from typing import Any

from mmisr.pipeline.hints import PriorPass
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.views import WholeFrames
from mmisr.pipeline.windows.search import WindowSearch
from mmisr.pipeline.windows.settings import Windows

PRIOR_ROUTER = "detector_prior"
"""The router that needs boxes, which the pair finds in a first pass of its detector."""

NEEDS_TRUTH = "oracle"
"""The router that needs annotated images."""


def route_by(
    pair: SRDetector, router: str | dict[str, Any] | None, budget: dict[str, Any] | None
) -> str | None:
    """Change who routes the tokens of a pair's editor, and within what budget.

    Args:
        pair: The pair, whose editor routes, or the router that its windows have of their own; an
            editor without routing is left alone where neither of the others is given.
        router: Name or dict as ``InstanceSR.router`` takes it; None for the learned one where a
            budget is given, and for the config's own where none is.
        budget: One of ``hard_share``, ``target_macs`` or ``target_ms``; milliseconds are those of
            the editor, per image, and in windows those of the pair.

    Returns:
        Name of the router that was set; None where nothing was.

    Raises:
        ValueError: The editor has no router, a value is not one, or the router needs what images
            alone do not have.
        TypeError: An unknown key.
    """
    if router is None and budget is None:
        return None
    editor = pair.router
    if editor.info.routers is None:
        raise ValueError(
            "router and budget steer editors that route tokens (mmisr.InstanceSR, say), and "
            f"{editor.info.name!r} does not: leave them out, or use another config"
        )
    chosen = router or editor.info.routers.own
    kind = str(chosen.get("type") if isinstance(chosen, dict) else chosen)
    if kind == NEEDS_TRUTH:
        raise ValueError(
            f"router {NEEDS_TRUTH!r} needs annotated boxes, which plain images do not have; use "
            "'learned' or 'detector_prior'"
        )
    editor.route_by(chosen, budget)
    if kind == PRIOR_ROUTER and pair.prior is None:
        pair.prior = PriorPass()
    return kind


def search_windows(pair: SRDetector, windows: dict[str, Any] | None) -> None:
    """Change where a built pair looks for objects.

    Args:
        pair: The pair.
        windows: Fields of :class:`mmisr.pipeline.windows.settings.Windows`; None for whole images,
            or for slices where the config has them.

    Raises:
        ValueError: Nobody routes, a value is out of range, or the pair sees slices.
        TypeError: An unknown key.
    """
    if windows is None:
        pair.search = WholeFrames()
        return
    if pair.slicer is not None:
        # The rule of TestConfig, for a pair that is built already.
        raise ValueError(
            "a search in windows is for whole images, and this pair sees slices (test_cfg.slices="
            f"{pair.test_cfg.slices!r}): leave it out, or set model.test_cfg.slices=None"
        )
    device = next(pair.parameters()).device
    search = WindowSearch(Windows(**windows), pair.editor)
    pair.search = search.to(device).train(pair.training)
