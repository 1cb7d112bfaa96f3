"""``mmisr TOOL ...``: every tool by its name, and ``mmisr doctor``, which looks at the installation."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

from mmisr.openmmlab.doctor import doctor
from mmisr.ops.shipped import shipped_tools


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after ``mmisr``; default: this process's own.

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
    command, rest = words[0].replace("-", "_"), words[1:]
    if command == "doctor":
        return _doctor(rest)
    if command not in tools:
        print(f"mmisr: there is no tool {words[0]!r}\n{_usage(tools)}", file=sys.stderr)
        raise SystemExit(2)
    if tools[command].suffix == ".sh":
        python_first = os.pathsep.join(
            [os.path.dirname(sys.executable), os.environ.get("PATH", "")]
        )
        return subprocess.call(
            ["bash", str(tools[command]), *rest], env={**os.environ, "PATH": python_first}
        )
    sys.argv = [str(tools[command]), *rest]
    runpy.run_path(str(tools[command]), run_name="__main__")
    return 0


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
