"""Print the gradient of each term of an editor's loss at SR images: do the terms pull alike?"""

import argparse

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.console import print_table
from mmisr.apis.loss_gradients import loss_gradients


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of an editor that is trained by a loss of ours")
    parser.add_argument(
        "checkpoint", nargs="?", help="weights of the editor; bicubic pixels without"
    )
    parser.add_argument("--count", type=int, default=12, help="training samples, 12 by default")
    parser.add_argument("--seed", type=int, default=0, help="of the crops")
    add_cfg_options(parser)
    args = parser.parse_args()
    rows = loss_gradients(args.config, args.checkpoint, args.count, args.seed, args.cfg_options)
    title = f"medians over {args.count} training samples"
    print_table(title, ("term", "value", "gradient"), rows, digits=6)


if __name__ == "__main__":
    main()
