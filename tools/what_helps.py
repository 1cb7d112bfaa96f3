"""Find out what helps your detector on your data, without training anything.

Larger inputs, slices, super-resolution: AP with intervals, milliseconds, megabytes, and the
smallest object that is seen.
"""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.compare import REPLICATES, SEED
from mmisr.apis.console import print_table
from mmisr.apis.memory import keep_freed_memory
from mmisr.apis.what_helps import HEADER, Choice, find_what_helps, helps_rows


def main() -> None:
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "config", help="config of an mmdet detector, or of a pair; data in COCO format"
    )
    parser.add_argument(
        "checkpoint", nargs="?", help="weights of the detector or pair; by default the config's"
    )
    parser.add_argument(
        "--sr", nargs="+", default=(), metavar="NAME=CONFIG[,CHECKPOINT]", help="editors to try"
    )
    parser.add_argument(
        "--images", type=int, help="so many images, chosen by the seed; all by default"
    )
    parser.add_argument(
        "--minutes", type=float, help="leave out, and name, what there is no time for"
    )
    parser.add_argument(
        "--simulate",
        type=int,
        metavar="FACTOR",
        help="your images are HR: make LR of them, and show what HR gives (plain detectors)",
    )
    parser.add_argument("--out", help="folder for results; work_dirs/what_helps/CONFIG by default")
    add_device(parser)
    parser.add_argument(
        "--replicates", type=int, default=REPLICATES, help="how often the images are drawn anew"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the images and of these draws")
    add_cfg_options(parser)
    args = parser.parse_args()
    found = find_what_helps(
        args.config,
        args.checkpoint,
        Choice(args.sr, args.images, args.simulate, args.seed, args.minutes),
        args.out,
        args.device,
        args.replicates,
        args.cfg_options,
    )
    print_table("What helps", HEADER, helps_rows(found.what))
    for sentence in found.what.advice:
        print(f"- {sentence}")
    print(f"page: {found.folder / 'what_helps.md'}; pictures: {found.folder / 'report.html'}")


if __name__ == "__main__":
    main()
