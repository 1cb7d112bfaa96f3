"""Train a pair, an SR editor or a detector from a config."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_launcher, take_local_rank
from mmisr.apis.train import train


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--work-dir", help="where logs and checkpoints go")
    parser.add_argument("--amp", action="store_true", help="automatic mixed precision")
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the batch size"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        help="continue: from the last checkpoint, or from this one",
    )
    add_cfg_options(parser)
    add_launcher(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    take_local_rank(args)
    train(
        args.config,
        args.work_dir,
        args.amp,
        args.auto_scale_lr,
        args.resume,
        args.cfg_options,
        args.launcher,
    )


if __name__ == "__main__":
    main()
