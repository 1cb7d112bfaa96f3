"""``python -m mmisr doctor``: look at the installation."""

from __future__ import annotations

import argparse
import sys

from mmisr.openmmlab.doctor import doctor

COMMANDS = {"doctor": doctor}


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after ``python -m mmisr``; default: this process's own.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m mmisr")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="print versions, where the ops come from, GPU and distributed back ends")
    return COMMANDS[parser.parse_args(argv).command]()


if __name__ == "__main__":
    sys.exit(main())
