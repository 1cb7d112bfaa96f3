"""Count MACs and parameters of a pair, its editor and its detector for one LR image."""

import argparse

from mmengine.config import DictAction

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
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override config keys: key=value"
    )
    args = parser.parse_args()
    if args.shape and (len(args.shape) > 2 or min(args.shape) < 1):
        parser.error(f"--shape takes one or two numbers >= 1, got {args.shape}")
    shape = (args.shape[0], args.shape[-1]) if args.shape else None
    print(get_flops(args.config, shape, args.cfg_options, args.num_images))


if __name__ == "__main__":
    main()
