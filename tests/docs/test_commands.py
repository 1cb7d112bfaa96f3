"""Every shell command of the documentation is one that its tool takes, on files that are there."""

import argparse
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
COPIED = {"my_project": "docs/examples/tutorial"}
"""What the tutorial has its reader copy."""

OWN = ("checkpoints/", "configs/", "docs/", "mmisr/", "tools/")
"""Folders of the repository: what a command names in them must exist."""

TOOL = re.compile(r"(?:tools|docs/examples)/\S+\.(?:py|sh)")


def commands(page: Path) -> list[list[str]]:
    """The words of every command in the bash blocks of a page."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.S | re.M)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    parts = [shlex.split(part, comments=True) for line in lines for part in line.split(" && ")]
    return [words for words in parts if words]


ALL = [(page.name, words) for page in PAGES for words in commands(page)]


class TakenError(Exception):
    """Raised in place of the tool's work, once its own parser took the arguments."""


def place(word: str) -> str:
    head, slash, rest = word.partition("/")
    return COPIED[head] + slash + rest if head in COPIED else word


def check_files(words: list[str]) -> None:
    for word in words:
        _, _, value = word.rpartition("=")
        for name in value.split(","):
            if place(name).startswith(OWN):
                assert (ROOT / place(name)).exists(), f"{name} does not exist"


def check_python(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the tool up to its parser, which is the real one."""
    program, arguments = words[0], words[1:]
    parse = argparse.ArgumentParser.parse_args

    def taken(self: argparse.ArgumentParser, *args: object) -> None:
        raise TakenError(parse(self, *args))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", taken)
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    with pytest.raises(TakenError):
        runpy.run_path(str(ROOT / program), run_name="__main__")


def check_launcher(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The script itself says what it would start."""
    environment = {**os.environ, "PYTHON": "echo"}
    said = subprocess.run(
        ["bash", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    started = shlex.split(said)
    first = next(i for i, word in enumerate(started) if word.endswith(".py"))
    assert Path(started[first]).parent == Path("tools")
    check_python(started[first:], monkeypatch)


def check_make(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(
        ["make", "-n", *words], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def check_module(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert words == ["mmisr", "doctor"], "a module that this test does not know"


def check_copy(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert words[0] == "-r"
    assert {words[2]: words[1]} == COPIED
    assert (ROOT / words[1]).is_dir()


def checker(words: list[str]) -> tuple[Callable[[list[str], pytest.MonkeyPatch], None], list[str]]:
    """Who checks a command, and what of it."""
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    known = {"make": check_make, "cp": check_copy}
    if words[0] in known:
        return known[words[0]], words[1:]
    if words[:2] == ["python", "-m"]:
        return check_module, words[2:]
    tool = next((i for i, word in enumerate(words) if TOOL.fullmatch(word)), None)
    assert tool is not None, f"no tool in {words}"
    assert words[:tool] in ([], ["python"], ["bash"]) or words[0] == "torchrun"
    return (check_launcher if words[tool].endswith(".sh") else check_python), words[tool:]


@pytest.mark.parametrize(
    ("page", "words"), ALL, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_command(page, words, monkeypatch):
    monkeypatch.chdir(ROOT)
    check_files(words)
    check, rest = checker(words)
    check(rest, monkeypatch)


def test_the_pages_have_commands():
    pages = {page for page, _ in ALL}
    assert {
        "tutorial.md",
        "tools.md",
        "add_an_editor.md",
        "add_a_strategy.md",
        "add_a_data_set.md",
    } <= pages


def test_every_tool_is_on_the_page_of_tools():
    tools = {
        str(p.relative_to(ROOT)) for p in (ROOT / "tools").rglob("*") if p.suffix in (".py", ".sh")
    }
    text = (ROOT / "docs" / "tools.md").read_text()
    assert {tool for tool in tools if f"`{tool}`" not in text} == set()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("python tools/test.py --no-such-flag configs/resample/x.py", SystemExit),
        ("python tools/no_such_tool.py", FileNotFoundError),
        ("tools/dist_train.sh configs/x.py 2 --no-such-flag", SystemExit),
    ],
)
def test_a_wrong_command_is_found(command, error, monkeypatch):
    monkeypatch.chdir(ROOT)
    check, rest = checker(shlex.split(command))
    with pytest.raises(error):
        check(rest, monkeypatch)


def test_a_wrong_file_is_found():
    with pytest.raises(AssertionError, match=r"configs/no_such\.py does not exist"):
        check_files(["python", "tools/test.py", "configs/no_such.py"])
