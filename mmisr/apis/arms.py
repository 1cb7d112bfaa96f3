"""The arms that a user asks for: by name, by config, by file, or as they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.named_arms import IDENTITY, named_arms
from mmisr.apis.configs import read_config
from mmisr.structures.editor_info import EditorInfo

FIELDS = (
    "name",
    "editor",
    "feed",
    "prior",
    "windows",
    "handoff",
    "slices",
    "detector",
    "checkpoints",
)
LISTS = (".py", ".json")


def read_arms(
    wanted: Sequence[str | dict[str, Any] | Arm],
    editor: dict[str, Any],
    windows: dict[str, Any] | None = None,
    slices: dict[str, Any] | None = None,
    info: EditorInfo | None = None,
) -> list[Arm]:
    """Turn what a user asks for into arms.

    Args:
        wanted: Each is a name of :func:`mmisr.analysis.comparison.named_arms.named_arms`; or
            ``NAME=CONFIG`` or ``NAME=CONFIG,CHECKPOINT``, an editor's or a pair's config; or a
            ``.py`` or ``.json`` file whose ``arms`` is such a list; or a dict of :class:`Arm`'s
            fields, where ``config`` and ``checkpoint`` may stand for ``editor``; or an arm.
        editor: Config of the pair's editor.
        windows: ``test_cfg.windows`` of the pair; None for none.
        slices: ``test_cfg.slices`` of the pair, which arms have that say neither ``slices`` nor
            ``windows``; None for whole images.
        info: The editor's facts, where it has been built; None to build it.

    Returns:
        The arms, in order.

    Raises:
        ValueError: A name is unknown or given twice, a file holds no list of arms, a dict has an
            unknown key, or nothing is left.
        FileNotFoundError: A file does not exist.
    """
    known = named_arms(editor, windows, slices, info)
    inherited = _Inherited(slices, known["hr"].slices)
    arms: list[Arm] = []
    for item in wanted:
        arms += _read(item, known, inherited)
    names = [arm.name for arm in arms]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"arms must be at least one, each by a name of its own, got {names}")
    return arms


@dataclass(frozen=True)
class _Inherited:
    """Slices of arms of one's own that do not say how they see images, by what they are fed."""

    lr: dict[str, Any] | None
    hr: dict[str, Any] | None

    def fill(self, entry: dict[str, Any]) -> None:
        """Give the fields of an arm their slices."""
        if entry.get("windows") is not None:
            return
        slices = self.hr if entry.get("feed") == "hr" else self.lr
        entry.setdefault("slices", slices)


def _read(
    item: str | dict[str, Any] | Arm, known: dict[str, Arm], inherited: _Inherited
) -> list[Arm]:
    if isinstance(item, Arm):
        return [item]
    if not isinstance(item, str):
        return [_from_dict(dict(item), inherited)]
    # A name of ours goes before a file or a config of the same name.
    if item in known:
        return [known[item]]
    if "=" in item:
        name, config, checkpoint = named_config(item, "--arms")
        entry = {"name": name, "config": config, "checkpoint": checkpoint}
        return [_from_dict(entry, inherited)]
    if Path(item).suffix not in LISTS:
        raise ValueError(
            f"arm {item!r} is unknown: use one of {sorted(known)}, NAME=CONFIG[,CHECKPOINT], or a "
            ".py or .json file with a list `arms`"
        )
    arms: list[Arm] = []
    for entry in _listed(Path(item)):
        arms += _read(entry, known, inherited)
    return arms


def named_config(text: str, flag: str) -> tuple[str, str, str | None]:
    """A config under a name, as a command line has it.

    Args:
        text: ``NAME=CONFIG`` or ``NAME=CONFIG,CHECKPOINT``.
        flag: Where it stands, for the message.

    Returns:
        Name, config, and the checkpoint or None.

    Raises:
        ValueError: It has no ``=``.

    Example:
        >>> named_config("edsr=edsr.py,edsr.pth", "--arms")
        ('edsr', 'edsr.py', 'edsr.pth')
    """
    name, is_given, rest = text.partition("=")
    if not is_given:
        raise ValueError(f"{flag} takes NAME=CONFIG or NAME=CONFIG,CHECKPOINT, got {text!r}")
    config, _, checkpoint = rest.partition(",")
    return name, config, checkpoint or None


def _listed(path: Path) -> list[Any]:
    """The list ``arms`` of a file."""
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path} of arms; give a .py or .json file with a list `arms`"
        )
    is_json = path.suffix == ".json"
    content = json.loads(path.read_text()) if is_json else Config.fromfile(path).to_dict()
    entries = content.get("arms") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"{path} must hold a list `arms`, found {type(entries).__name__}; a model's config "
            f"goes as NAME={path}"
        )
    return entries


def _from_dict(entry: dict[str, Any], inherited: _Inherited) -> Arm:
    _check_fields_of(entry)
    inherited.fill(entry)
    config = entry.pop("config", None)
    checkpoint = entry.pop("checkpoint", None)
    # What the user names goes before what a config names.
    checkpoints = entry.get("checkpoints", {})
    if config is not None:
        model = _model_of(config)
        entry["editor"], named = _part_of(model, "editor")
        # Its editor may be told what is there.
        test_cfg = model.get("test_cfg") or {}
        entry.setdefault("prior", test_cfg.get("prior"))
        checkpoints = {**named, **checkpoints}
    if isinstance(entry.get("detector"), str):
        model = _model_of(entry["detector"])
        entry["detector"], named = _part_of(model, "detector")
        checkpoints = {**named, **checkpoints}
    if checkpoint is not None:
        checkpoints = {**checkpoints, "editor": str(checkpoint)}
    return Arm(**{"editor": IDENTITY, **entry, "checkpoints": checkpoints})


def _check_fields_of(entry: dict[str, Any]) -> None:
    if "sliced" in entry:
        raise ValueError(
            f"`sliced` of arm {entry.get('name')!r} is called `slices` now, got "
            f"{entry['sliced']!r}: its factor goes to handoff=dict(resize=dict(factor=...)), a "
            "merge of sahi's to slices=dict(merge=dict(sahi=...)), and the whole image is seen "
            "too with slices=dict(whole=True), no longer by default"
        )
    fields = [*FIELDS, "config", "checkpoint"]
    unknown = sorted(set(entry) - set(fields))
    if unknown or "name" not in entry:
        also = f"; unknown: {unknown}" if unknown else ""
        raise ValueError(f"an arm has a name and any of {fields[1:]}, got {sorted(entry)}{also}")


def _model_of(config: str) -> dict[str, Any]:
    model: dict[str, Any] = read_config(config).model.to_dict()
    return model


def _part_of(model: dict[str, Any], part: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Editor or detector of a model.

    Args:
        model: Config of a pair, or of the part alone.
        part: Which part, ``editor`` or ``detector``.

    Returns:
        Config of the part, and the weights that a pair's config names for it.
    """
    if part not in model:
        return model, {}
    checkpoints = model.get("checkpoints") or {}
    weights = {}
    if part in checkpoints:
        weights[part] = checkpoints[part]
    return model[part], weights
