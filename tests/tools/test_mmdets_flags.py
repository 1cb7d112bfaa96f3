"""Where mmdet has a tool of the same name, ours takes every argument that mmdet's takes."""

import argparse
import ast
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.utils import get_installed_path

ROOT = Path(__file__).parents[2]
MMDETS = Path(get_installed_path("mmdet")) / ".mim" / "tools"
OTHER_WORK = {"benchmark"}
"""Theirs times a detector's data loading and inference, ours InstanceSR against its dense self."""

SAMPLES = {"int": "3", "float": "0.5", "DictAction": "a.b=1"}
Argument = tuple[list[str], dict[str, ast.expr]]


def tools(folder: Path) -> dict[str, Path]:
    """By name; those for tracking, which have the same names, are left out."""
    return {path.stem: path for path in folder.rglob("*.py") if path.parent.name != "mot"}


SHARED = sorted((tools(ROOT / "tools").keys() & tools(MMDETS).keys()) - OTHER_WORK)


def listed(path: Path) -> list[tuple[list[str], list[Argument]]]:
    """Each parser of a tool.

    The word that chooses it, where it is one of several, and its arguments, out of the source.
    """
    parsers = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [
            n
            for n in ast.walk(function)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        ]
        added = [call for call in calls if call.func.attr == "add_argument"]
        arguments = [
            ([a.value for a in call.args], {k.arg: k.value for k in call.keywords})
            for call in added
        ]
        chosen = [call.args[0].value for call in calls if call.func.attr == "add_parser"]
        if arguments:
            parsers.append((chosen, arguments))
    return parsers


def words(flags: list[str], options: dict[str, ast.expr]) -> list[str]:
    """The shortest way to give an argument."""
    head = [flags[0]] if flags[0].startswith("-") else []
    action = (
        ast.literal_eval(options["action"])
        if isinstance(options.get("action"), ast.Constant)
        else None
    )
    if action == "store_true":
        return head
    if "choices" in options:
        return [*head, ast.literal_eval(options["choices"])[0]]
    kind = options.get("type", options.get("action"))
    return [*head, SAMPLES.get(getattr(kind, "id", ""), "3")]


def lines(name: str) -> list[list[str]]:
    """Command lines with each of mmdet's arguments alone, behind those that must be there."""
    found = []
    for chosen, arguments in listed(tools(MMDETS)[name]):
        places = [
            word
            for flags, options in arguments
            if not flags[0].startswith("-")
            for word in words(flags, options)
        ]
        found.append([*chosen, *places])
        found += [
            [*chosen, *places, *words(f, o)]
            for flags, o in arguments
            for f in [[x] for x in flags]
            if f[0][0] == "-"
        ]
    return found


class TakenError(Exception):
    """Raised in place of the tool's work, once its own parser took the arguments."""


@pytest.mark.parametrize(
    "line", [(name, *line) for name in SHARED for line in lines(name)], ids=" ".join
)
def test_ours_takes(line, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def taken(self, *args):
        raise TakenError(parse(self, *args))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", taken)
    monkeypatch.setattr(sys, "argv", list(line))
    with pytest.raises(TakenError):
        runpy.run_path(str(tools(ROOT / "tools")[line[0]]), run_name="__main__")


def test_what_is_compared():
    """The tools are found, and their arguments read: else nothing above would be a test."""
    expected = {
        "train",
        "test",
        "publish_model",
        "analyze_logs",
        "browse_dataset",
        "confusion_matrix",
        "get_flops",
    }
    assert expected <= set(SHARED)
    assert ["confusion_matrix", "3", "3", "3", "--nms-iou-thr", "0.5"] in [
        ["confusion_matrix", *x] for x in lines("confusion_matrix")
    ]
    assert ["plot_curve", "3", "--start-epoch", "3"] in lines("analyze_logs")
    assert ["3", "--show-interval", "0.5"] in lines("browse_dataset")
    assert ["3", "--cfg-options", "a.b=1"] in lines("get_flops")
    assert ["3", "3", "--launcher", "none"] in lines("test")
