"""Count MACs and parameters of a pair, its editor and its detector for one LR image."""

import argparse

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.console import print_table
from mmisr.apis.flops import get_flops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair or an editor")
    parser.add_argument(
        "--shape", type=int, nargs="+", metavar="N", help="LR size: height and width, or one side"
    )
    parser.add_argument(
        "--num-images", type=int, default=1, help="mean over so many images (mmdet's default: 100)"
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    shape = args.shape
    if shape and (len(shape) > 2 or min(shape) < 1):
        parser.error(f"--shape takes one or two numbers >= 1, got {shape}")
    lr_hw = (shape[0], shape[-1]) if shape else None
    flops = get_flops(args.config, lr_hw, args.cfg_options, args.num_images)
    header = ("part", "GMACs", "million parameters")
    rows = []
    for cost in flops.costs:
        rows.append((cost.part, cost.gmacs, cost.mparams))
    print_table(flops.title, header, rows)


if __name__ == "__main__":
    main()
