"""Accuracy against milliseconds over the budget range of an editor: JSON, table and plot."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.pareto import SHARES, pareto, pareto_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair whose editor routes tokens")
    parser.add_argument(
        "--out",
        help="folder for results; points in it are not evaluated again, times are measured anew",
    )
    parser.add_argument(
        "--shares", nargs="+", type=float, default=SHARES, help="shares of deep tokens, 0 to 1"
    )
    parser.add_argument("--images", type=int, default=10, help="so many images are timed")
    parser.add_argument(
        "--rounds", type=int, default=5, help="timed rounds; routers and budgets take turns in each"
    )
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    content = pareto(
        args.config, args.out, args.shares, args.images, args.rounds, args.device, args.cfg_options
    )
    print(pareto_table(content))


if __name__ == "__main__":
    main()
