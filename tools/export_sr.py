"""Write the super-resolved (or bicubic, or LR) version of a COCO data set, or check one.

The same command again resumes a run that ended early. Several processes:
torchrun --nproc_per_node=N tools/export_sr.py CONFIG --out-dir DIR --launcher pytorch
"""

import argparse
import os
import sys

import mmisr.apis
from mmisr.apis.arguments import add_cfg_options, add_device, add_launcher, take_local_rank


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", nargs="?", help="config of a pair or of an SR editor; not needed with --check"
    )
    parser.add_argument(
        "checkpoint",
        nargs="?",
        help="weights of the whole model; those that the config names by default",
    )
    parser.add_argument(
        "--out-dir", required=True, help="folder of images/, annotations.json and manifest.json"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare --out-dir with its manifest, and write nothing",
    )
    parser.add_argument("--what", choices=["sr", "bicubic", "lr"], default="sr")
    parser.add_argument(
        "--split", choices=["train", "val", "test"], default="test", help="whose images"
    )
    parser.add_argument("--format", choices=["png", "jpg", "webp"], default="png")
    parser.add_argument("--quality", type=int, help="1 to 100, for jpg and webp; 95 by default")
    parser.add_argument(
        "--downsample", type=int, default=1, metavar="N", help="shrink N times after upscaling"
    )
    add_device(parser)
    add_cfg_options(parser)
    add_launcher(parser)
    args = parser.parse_args()
    if not (args.check or args.config):
        parser.error("give the config of a pair or of an editor, or --check")
    return args


def check(folder: str) -> None:
    result = mmisr.apis.check_export(folder)
    print("\n".join([*result.complaints(), f"{folder}: {result.verdict()}"]))
    sys.exit(0 if result.good else 1)


def export(args: argparse.Namespace) -> None:
    take_local_rank(args)
    file_format = (args.format, args.quality)
    options = mmisr.apis.ExportOptions(args.what, args.split, *file_format, args.downsample)
    run_as = (args.cfg_options, args.device, args.launcher)
    written = mmisr.apis.export_sr(args.config, args.out_dir, args.checkpoint, options, *run_as)
    # Every process comes here, and one speaks.
    if os.environ.get("RANK", "0") == "0":
        print(f"wrote {written}")


def main() -> None:
    args = parse_args()
    if args.check:
        check(args.out_dir)
    else:
        export(args)


if __name__ == "__main__":
    main()
