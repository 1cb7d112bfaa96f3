"""AP against milliseconds of whole pairs: windows, whole frames, slices, sizes of the input."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.pair_pareto import SHARES, pair_pareto, pair_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair")
    parser.add_argument("checkpoint", nargs="?", help="weights of the pair")
    parser.add_argument(
        "--out", help="folder for results; ways in it are not evaluated again, times are"
    )
    parser.add_argument(
        "--shares", nargs="+", type=float, default=SHARES, help="of the tokens, for windows"
    )
    parser.add_argument("--images", type=int, default=10, help="so many images are timed")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in which all ways take turns")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    content = pair_pareto(
        args.config,
        args.checkpoint,
        args.out,
        args.shares,
        args.images,
        args.rounds,
        args.device,
        args.cfg_options,
    )
    print(pair_table(content["points"]))


if __name__ == "__main__":
    main()
