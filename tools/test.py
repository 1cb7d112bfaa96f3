"""Test a pair, an SR editor or a detector: metrics, and predictions or pictures on request."""

import argparse
import os

from mmengine.config import DictAction

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
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override config keys: key=value"
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--tta", action="store_true", help="test-time augmentation")
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
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
