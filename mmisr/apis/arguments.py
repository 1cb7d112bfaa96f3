"""Arguments that several tools take, each with one meaning."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from mmengine.config import DictAction

LAUNCHERS = ("none", "pytorch", "slurm", "mpi")


def add_cfg_options(parser: ArgumentParser) -> None:
    """Add ``--cfg-options key=value ...``."""
    text = "override config keys: key=value"
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help=text)


def add_device(parser: ArgumentParser) -> None:
    """Add ``--device``."""
    text = "cpu, cuda, cuda:1, ...; a GPU where there is one by default"
    parser.add_argument("--device", help=text)


def add_launcher(parser: ArgumentParser) -> None:
    """Add ``--launcher``, and ``--local-rank``, which launchers of old append."""
    text = "what started the processes of this run"
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none", help=text)
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0)


def take_local_rank(args: Namespace) -> None:
    """Let ``--local-rank`` count where the launcher has set no ``LOCAL_RANK``."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))


def add_routing(parser: ArgumentParser) -> None:
    """Add ``--router``, ``--budget-ms`` or ``--hard-share``, and ``--windows``."""
    parser.add_argument(
        "--router",
        help="learned, detector_prior, edge, all-hard, fixed:0, ...; the config's by default",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--budget-ms", type=float, help="milliseconds that super-resolving an image may take"
    )
    budget.add_argument(
        "--hard-share", type=float, help="share of the tokens that may go deep, 0 to 1"
    )
    parser.add_argument(
        "--windows",
        type=int,
        nargs="?",
        const=8,
        metavar="MARGIN",
        help="search only where instances may be, with a margin of LR pixels (8)",
    )
