"""Draw what a config's pipeline makes of its data set: LR next to HR, with the annotated boxes."""

import argparse

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.browse import browse_dataset
from mmisr.apis.degradation_sheet import browse_degradations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair or an editor")
    parser.add_argument("--output-dir", default="work_dirs/browse", help="folder of the pictures")
    parser.add_argument("--split", choices=["train", "val", "test"], default="train")
    parser.add_argument("--count", type=int, help="how many samples; all by default")
    parser.add_argument(
        "--show-interval",
        type=float,
        help="also show each picture in a window, for so many seconds",
    )
    parser.add_argument(
        "--not-show", action="store_true", help="open no window, whatever else is given"
    )
    parser.add_argument(
        "--degradations",
        action="store_true",
        help="one sheet: the same images under every named mix and corruption; 3 by default",
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.degradations:
        what = (args.config, args.output_dir, args.split, args.count, args.cfg_options)
        print(browse_degradations(*what))
        return
    seconds = None if args.not_show else args.show_interval
    written = browse_dataset(
        args.config, args.output_dir, args.split, args.count, args.cfg_options, seconds
    )
    print(f"{len(written)} pictures: {args.output_dir}")


if __name__ == "__main__":
    main()
