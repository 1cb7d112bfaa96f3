"""The arms of a comparison that have names, made for the editor of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmisr.analysis.comparison.arms import DENSE, WINDOWS, Arm
from mmisr.ops.resample import MODES
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo, Routers

IDENTITY = {"type": "mmisr.Resample", "scale": 1}


def named_arms(
    editor: dict[str, Any],
    windows: dict[str, Any] | None = None,
    slices: dict[str, Any] | None = None,
    info: EditorInfo | None = None,
) -> dict[str, Arm]:
    """Every arm that can be asked for by name.

    Args:
        editor: Config of the pair's editor.
        windows: ``test_cfg.windows`` of the pair, which its arm in windows has; None for none.
        slices: ``test_cfg.slices`` of the pair, which all arms have that have no slices or windows
            of their own; None for whole images.
        info: The editor's facts, where it has been built; None to build it.

    Returns:
        ``lr`` (no SR), the resamplers, the editor (by the name of its method, ``instance_sr`` say,
        and with ``_all_hard`` its dense self where it routes tokens, else ``editor``; with
        ``_windows`` the pair that searches only where it, or the windows' own router, sends tokens
        deep),
        ``larger_input`` (no SR, LR enlarged as mmdet's Resize does), ``sliced`` (no SR, 2x2
        slices of LR and the whole of it enlarged alike), and the oracle ``hr``.
    """
    info = info or MODELS.build(editor).info
    return _arms_of(editor, info, windows, slices)


def _arms_of(
    editor: dict[str, Any],
    info: EditorInfo,
    windows: dict[str, Any] | None,
    slices: dict[str, Any] | None,
) -> dict[str, Arm]:
    own = _editor_arms(editor, info)
    arms = {}
    for arm in _named_arms(info.scale, own):
        in_slices = arm.slices or slices_for(arm.feed, slices, info.scale)
        arms[arm.name] = replace(arm, slices=in_slices)
    routed = own[0]
    in_windows = windows or {}
    has_router = in_windows.get("router") is not None
    if has_router:
        routed = replace(routed, editor=editor)  # how deep tokens go is as it is configured
    if has_router or info.routers is not None:
        name = f"{routed.name}{WINDOWS}"
        arms[name] = replace(routed, name=name, windows=in_windows)
    return arms


def slices_for(feed: str, slices: dict[str, Any] | None, scale: int) -> dict[str, Any] | None:
    """Slices of LR images, for an arm that may be fed HR: the same parts of the image.

    Args:
        feed: Of the arm, ``lr`` or ``hr``.
        slices: Fields of :class:`mmisr.pipeline.slices.Slices`; None for none.
        scale: From LR to HR.

    Example:
        >>> slices_for("hr", {"slice_hw": (64, 96)}, 4)
        {'slice_hw': (64, 96), 'unit': 4}
    """
    if slices is None or feed == "lr":
        return slices
    return {**slices, "unit": scale}


def _named_arms(scale: int, editor_arms: Sequence[Arm]) -> list[Arm]:
    arms = [Arm("lr", IDENTITY)]
    for mode in MODES:
        resampler = {"type": "mmisr.Resample", "scale": scale, "mode": mode}
        arms.append(Arm(mode, resampler))
    arms += editor_arms
    # As many pixels for the detector as SR would give it, without SR.
    enlarged = {"factor": float(scale)}
    return [
        *arms,
        Arm("larger_input", IDENTITY, handoff={"resize": enlarged}),
        Arm("sliced", IDENTITY, handoff={"resize": enlarged}, slices={"whole": True}),
        Arm("hr", IDENTITY, feed="hr"),
    ]


def editor_arms(editor: dict[str, Any]) -> list[Arm]:
    """The arms of the config's own editor.

    Its own router and none where it routes tokens, itself where not.

    Args:
        editor: Config of the pair's editor.
    """
    return _editor_arms(editor, MODELS.build(editor).info)


def _editor_arms(editor: dict[str, Any], info: EditorInfo) -> list[Arm]:
    routers = info.routers
    if routers is None:
        return [Arm(info.method, editor)]
    routed = {**editor, "router": _own_router(editor, routers)}
    dense = {**editor, "router": routers.dense}
    return [Arm(info.method, routed), Arm(f"{info.method}{DENSE}", dense)]


def _own_router(editor: dict[str, Any], routers: Routers) -> str | dict[str, Any]:
    """The method's own router, with the values that the config gives it."""
    configured = editor.get("router", routers.own)
    kind = configured.get("type") if isinstance(configured, dict) else configured
    return configured if kind == routers.own else routers.own


def standard_arms(
    editor: dict[str, Any],
    windows: dict[str, Any] | None = None,
    slices: dict[str, Any] | None = None,
    info: EditorInfo | None = None,
) -> list[Arm]:
    """The arms that every comparison of an editor needs.

    No SR, bicubic, the editor (and its dense form, and in windows where the pair has them), HR.

    Args:
        editor: Config of the pair's editor.
        windows: ``test_cfg.windows`` of the pair; None for none.
        slices: ``test_cfg.slices`` of the pair; None for whole images.
        info: The editor's facts, where it has been built; None to build it.
    """
    info = info or MODELS.build(editor).info
    arms = _arms_of(editor, info, windows, slices)
    method = info.method
    names = ["lr", "bicubic", method]
    dense = f"{method}{DENSE}"
    in_windows = f"{method}{WINDOWS}"
    if dense in arms:
        names.append(dense)
    if windows is not None:
        names.append(in_windows)
    names.append("hr")
    return [arms[name] for name in names]


def router_arms(editor: dict[str, Any], shares: Sequence[float]) -> list[Arm]:
    """The same weights under other routers.

    Args:
        editor: Config of the InstanceSR editor.
        shares: Token shares of the learned router by exit, first to last, which random and edge are
            given too.

    Returns:
        Block 1 alone, random and edge with the same histogram, the boxes of a first detector pass,
        and the oracle, which leaks: its sharpness marks where the objects are.
    """
    # The same compute for each of them: what differs is where it goes.
    histogram = list(shares)
    return [
        Arm("block_1_only", {**editor, "router": "fixed:0"}),
        Arm("random", {**editor, "router": {"type": "random", "shares": histogram}}),
        Arm("edge", {**editor, "router": {"type": "edge", "shares": histogram}}),
        Arm("detector_prior", {**editor, "router": "detector_prior"}, prior={}),
        Arm("oracle", {**editor, "router": "oracle"}),
    ]
