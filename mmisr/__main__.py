"""``mmisr TOOL ...``: every tool by its name, and ``mmisr doctor``: is the installation sound?"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

from mmisr.openmmlab.doctor import doctor
from mmisr.ops.shipped import shipped_tools


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after ``mmisr``; this process's own by default.

    Returns:
        The exit status.

    Raises:
        SystemExit: The command is unknown, or a tool ended by it.
    """
    words = sys.argv[1:] if argv is None else argv
    tools = shipped_tools()
    if not words or words[0] in ("-h", "--help"):
        print(_usage(tools), file=sys.stdout if words else sys.stderr)
        raise SystemExit(0 if words else 2)
    command = words[0].replace("-", "_")
    rest = words[1:]
    if command == "doctor":
        return _doctor(rest)
    if command not in tools:
        print(f"mmisr: there is no tool {words[0]!r}\n{_usage(tools)}", file=sys.stderr)
        raise SystemExit(2)
    tool = tools[command]
    if tool.suffix == ".sh":
        return _run_script(tool, rest)
    sys.argv = [str(tool), *rest]
    runpy.run_path(str(tool), run_name="__main__")
    return 0


def _run_script(script: Path, arguments: list[str]) -> int:
    """Run a launcher, which finds this Python under the name ``python``."""
    folders = [os.path.dirname(sys.executable), os.environ.get("PATH", "")]
    environment = {**os.environ, "PATH": os.pathsep.join(folders)}
    return subprocess.call(["bash", str(script), *arguments], env=environment)


def _doctor(rest: list[str]) -> int:
    if rest:
        asks = rest[0] in ("-h", "--help")
        print(
            "usage: mmisr doctor\n\nVersions, where the ops come from, GPU and distributed back "
            "ends; takes no arguments.",
            file=sys.stdout if asks else sys.stderr,
        )
        raise SystemExit(0 if asks else 2)
    return doctor()


def _usage(tools: dict) -> str:
    names = "\n".join(f"  {name}" for name in sorted([*tools, "doctor"]))
    return f"usage: mmisr TOOL ...   (mmisr TOOL --help says more)\n\ntools:\n{names}"


if __name__ == "__main__":
    sys.exit(main())
