"""Write the super-resolved (or bicubic, or LR) version of a COCO data set.

Or check one that was written.

Several processes: torchrun --nproc_per_node=N tools/export_sr.py CONFIG --out-dir DIR --launcher
pytorch The same command again resumes a run that ended early.
"""

import argparse
import os
import sys

from mmengine.config import DictAction

import mmisr.apis


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
    parser.add_argument(
        "--device", help="cpu, cuda, cuda:1, ...; a GPU where there is one by default"
    )
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override config keys: key=value"
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0)
    args = parser.parse_args()
    if not (args.check or args.config):
        parser.error("give the config of a pair or of an editor, or --check")
    return args


def check(folder: str) -> None:
    found = mmisr.apis.check_export(folder)
    for what in ("missing", "extra", "changed"):
        for name in getattr(found, what):
            print(f"{what}: {name}")
    if not found.finished:
        print("unfinished: run the export again to complete it")
    verdict = (
        "all as written"
        if found.good
        else "NOT as written; delete what is extra or changed, then export again"
    )
    print(f"{folder}: {found.checked} files hashed, {verdict}")
    sys.exit(0 if found.good else 1)


def main() -> None:
    args = parse_args()
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    if args.check:
        check(args.out_dir)
    options = mmisr.apis.ExportOptions(
        args.what, args.split, args.format, args.quality, args.downsample
    )
    written = mmisr.apis.export_sr(
        args.config,
        args.out_dir,
        args.checkpoint,
        options,
        args.cfg_options,
        args.device,
        args.launcher,
    )
    if os.environ.get("RANK", "0") == "0":
        print(f"wrote {written}")


if __name__ == "__main__":
    main()
