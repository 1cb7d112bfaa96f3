"""Measure what depth is worth to a pair's detector, token by token: thresholds for TaskGain."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.task_gain import task_gain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair whose editor routes tokens")
    parser.add_argument("checkpoint", nargs="?", help="weights of the pair")
    parser.add_argument(
        "--shares",
        nargs="+",
        type=float,
        default=[0.1, 0.1],
        help="of the tokens that shall leave by the second exit, by the third, ...",
    )
    parser.add_argument("--batches", type=int, default=40, help="of the training data")
    parser.add_argument("--tokens", type=int, default=50, help="computed deep alone, as a check")
    parser.add_argument("--out", help="folder; work_dirs/task_gain/<config name> by default")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    result = task_gain(
        args.config,
        args.checkpoint,
        shares=args.shares,
        batches=args.batches,
        tokens=args.tokens,
        out=args.out,
        device=args.device,
        cfg_options=args.cfg_options,
    )
    print(f"thresholds={result.thresholds} for shares {result.shares} of {result.tokens} tokens")
    print(f"depth hurts in {100 * result.hurt:.0f} % of the tokens")
    print(f"Spearman {result.correlation}, gain against loss saved, {result.tried} tokens alone")


if __name__ == "__main__":
    main()
