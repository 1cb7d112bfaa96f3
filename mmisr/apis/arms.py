"""The arms of a comparison: those with names, and those that people bring."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmisr.analysis.comparison.arms import DENSE, Arm
from mmisr.apis.configs import read_config
from mmisr.ops.resample import MODES
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo

IDENTITY = {"type": "mmisr.Resample", "scale": 1}
FIELDS = ("name", "editor", "feed", "prior", "handoff", "sliced", "detector", "checkpoints")


def named_arms(editor: dict[str, Any]) -> dict[str, Arm]:
    """Every arm that can be asked for by name.

    Args:
        editor: Config of the pair's editor.

    Returns:
        ``lr`` (no SR), the resamplers, the editor (by the name of its method, ``instance_sr`` say,
        and with ``_all_hard`` its dense self where it routes tokens, else ``editor``),
        ``larger_input`` (no SR, LR enlarged as mmdet's Resize does), ``sliced`` (no SR, slices of
        LR enlarged alike, through sahi), and the oracle ``hr``.
    """
    info = MODELS.build(editor).info
    return _named_arms(info.scale, _own_arms(editor, info))


def _named_arms(scale: int, own: Sequence[Arm]) -> dict[str, Arm]:
    arms = [Arm("lr", IDENTITY)]
    arms += [Arm(mode, {"type": "mmisr.Resample", "scale": scale, "mode": mode}) for mode in MODES]
    arms += own
    arms.append(Arm("larger_input", IDENTITY, handoff={"resize": {"factor": float(scale)}}))
    arms.append(Arm("sliced", IDENTITY, handoff={}, sliced={"factor": float(scale)}))
    arms.append(Arm("hr", IDENTITY, feed="hr"))
    return {arm.name: arm for arm in arms}


def editor_arms(editor: dict[str, Any]) -> list[Arm]:
    """The arms of the config's own editor.

    Its own router and none where it routes tokens, itself where not.
    """
    return _own_arms(editor, MODELS.build(editor).info)


def _own_arms(editor: dict[str, Any], info: EditorInfo) -> list[Arm]:
    if info.routers is None:
        return [Arm(info.method, editor)]
    return [
        Arm(info.method, {**editor, "router": info.routers.own}),
        Arm(f"{info.method}{DENSE}", {**editor, "router": info.routers.dense}),
    ]


def standard_arms(editor: dict[str, Any]) -> list[Arm]:
    """The arms that every comparison of an editor needs.

    No SR, bicubic, the editor (and its dense form), HR.
    """
    info = MODELS.build(editor).info
    own = _own_arms(editor, info)
    arms = _named_arms(info.scale, own)
    return [arms["lr"], arms["bicubic"], *own, arms["hr"]]


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
    same = list(shares)
    return [
        Arm("block_1_only", {**editor, "router": "fixed:0"}),
        Arm("random", {**editor, "router": {"type": "random", "shares": same}}),
        Arm("edge", {**editor, "router": {"type": "edge", "shares": same}}),
        Arm("detector_prior", {**editor, "router": "detector_prior"}, prior={}),
        Arm("oracle", {**editor, "router": "oracle"}),
    ]


def read_arms(wanted: Sequence[str | dict[str, Any] | Arm], editor: dict[str, Any]) -> list[Arm]:
    """Turn what a user asks for into arms.

    Args:
        wanted: Each a name of :func:`named_arms`; or ``NAME=CONFIG`` or ``NAME=CONFIG,CHECKPOINT``,
            an editor's or a pair's config; or a ``.py`` or ``.json`` file whose ``arms`` is such a
            list; or a dict of :class:`Arm`'s fields, where ``config`` and ``checkpoint`` may stand
            for ``editor``; or an arm.
        editor: Config of the pair's editor.

    Returns:
        The arms, in order.

    Raises:
        ValueError: A name is unknown or given twice, a file holds no list of arms, a dict has an
            unknown key, or nothing is left.
        FileNotFoundError: A file does not exist.
    """
    known = named_arms(editor)
    arms = [arm for item in wanted for arm in _read(item, known)]
    twice = sorted({a.name for a in arms if sum(b.name == a.name for b in arms) > 1})
    if not arms or twice:
        raise ValueError(
            f"arms must be at least one, each by a name of its own, got {[a.name for a in arms]}"
        )
    return arms


def _read(item: str | dict[str, Any] | Arm, known: dict[str, Arm]) -> list[Arm]:
    if isinstance(item, Arm):
        return [item]
    if not isinstance(item, str):
        return [_from_dict(dict(item))]
    if item in known:
        return [known[item]]
    if "=" in item:
        name, _, rest = item.partition("=")
        config, _, checkpoint = rest.partition(",")
        return [_from_dict({"name": name, "config": config, "checkpoint": checkpoint or None})]
    if Path(item).suffix in (".py", ".json"):
        return [arm for inner in _listed(Path(item)) for arm in _read(inner, known)]
    raise ValueError(
        f"arm {item!r} is unknown: use one of {sorted(known)}, NAME=CONFIG[,CHECKPOINT], or a .py "
        f"or .json file with a list "
        "`arms`"
    )


def _listed(path: Path) -> list[Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path} of arms; give a .py or .json file with a list `arms`"
        )
    content = (
        json.loads(path.read_text()) if path.suffix == ".json" else Config.fromfile(path).to_dict()
    )
    found = content.get("arms") if isinstance(content, dict) else content
    if not isinstance(found, list) or not found:
        raise ValueError(
            f"{path} must hold a list `arms`, found {type(found).__name__}; a model's config goes "
            f"as NAME={path}"
        )
    return found


def _from_dict(entry: dict[str, Any]) -> Arm:
    config, checkpoint = entry.pop("config", None), entry.pop("checkpoint", None)
    unknown = sorted(set(entry) - set(FIELDS))
    if unknown or "name" not in entry:
        raise ValueError(
            f"an arm has a name and any of {[*FIELDS[1:], 'config', 'checkpoint']}, got "
            f"{sorted(entry)}" + (f"; unknown: {unknown}" if unknown else "")
        )
    if config is not None:
        entry["editor"], inner = _editor_of(config)
        entry["checkpoints"] = {**inner, **entry.get("checkpoints", {})}
    if isinstance(entry.get("detector"), str):
        entry["detector"], inner = _detector_of(entry["detector"])
        entry["checkpoints"] = {**inner, **entry.get("checkpoints", {})}
    if checkpoint is not None:
        entry["checkpoints"] = {**entry.get("checkpoints", {}), "editor": str(checkpoint)}
    return Arm(**{"editor": IDENTITY, **entry})


def _editor_of(config: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Editor of an editor's or a pair's config, and the weights that a pair's config names for it."""
    model = read_config(config).model.to_dict()
    if "editor" not in model:
        return model, {}
    return model["editor"], _named(model, "editor")


def _detector_of(config: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Detector of a detector's or a pair's config, and the weights that a pair's config names for it."""
    model = read_config(config).model.to_dict()
    if "detector" not in model:
        return model, {}
    return model["detector"], _named(model, "detector")


def _named(model: dict[str, Any], part: str) -> dict[str, str]:
    return {k: v for k, v in (model.get("checkpoints") or {}).items() if k == part}
