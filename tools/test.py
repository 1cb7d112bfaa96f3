"""Test a pair, an SR editor or a detector: metrics, and predictions or pictures on request."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_launcher, take_local_rank
from mmisr.apis.memory import keep_freed_memory
from mmisr.apis.test import Pictures, test


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument(
        "checkpoint",
        nargs="?",
        help="weights of the whole model; by default those that the config names",
    )
    parser.add_argument("--work-dir", help="where the log goes")
    parser.add_argument("--out", metavar="FILE.pkl", help="also write the predictions to this file")
    parser.add_argument(
        "--show", action="store_true", help="show annotated and predicted boxes in a window"
    )
    parser.add_argument("--show-dir", help="folder for pictures, under the work folder")
    parser.add_argument("--wait-time", type=float, default=2, help="seconds that a window stays")
    add_cfg_options(parser)
    add_launcher(parser)
    parser.add_argument("--tta", action="store_true", help="test-time augmentation")
    return parser.parse_args()


def main() -> None:
    keep_freed_memory()
    args = parse_args()
    take_local_rank(args)
    pictures = (
        Pictures(args.show, args.show_dir, args.wait_time) if args.show or args.show_dir else None
    )
    test(
        args.config,
        args.checkpoint,
        args.work_dir,
        args.out,
        pictures,
        args.tta,
        args.cfg_options,
        args.launcher,
    )


if __name__ == "__main__":
    main()
