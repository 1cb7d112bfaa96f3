"""Does image quality tell what helps a detector?  PSNR, SSIM, IFC, NQM and VIF against AP.

Across methods and across images, on the whole image and in the boxes, with intervals. Give the
config of a pair, whose arms are then run, or the folder of a comparison with bicubic and hr.
"""

import argparse
from pathlib import Path

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.compare import REPLICATES, SEED
from mmisr.apis.console import print_table
from mmisr.apis.memory import keep_freed_memory
from mmisr.apis.quality_against_ap import (
    ACROSS,
    CORRELATION_HEADER,
    SCORE_TITLES,
    SMALL_SIDE,
    Draws,
    conclusion,
    correlation_rows,
    method_header,
    method_rows,
    quality_against_ap,
    remarks,
    run_quality_arms,
)


def main() -> None:
    keep_freed_memory()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", help="config of a pair, or folder of a comparison")
    parser.add_argument(
        "--arms", nargs="+", help="of a config: as tools/compare.py; bicubic and hr are always run"
    )
    parser.add_argument("--checkpoint", help="weights of the pair; by default the config's")
    parser.add_argument("--out", help="folder for results; work_dirs/compare/CONFIG by default")
    parser.add_argument(
        "--small-side",
        type=float,
        default=SMALL_SIDE,
        help="an object is small up to so many pixels, in the frame of the size bins",
    )
    parser.add_argument(
        "--replicates", type=int, default=REPLICATES, help="how often the images are drawn anew"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of these draws")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    draws = Draws(args.replicates, args.seed)
    folder = Path(args.target)
    if not folder.is_dir():
        folder = run_quality_arms(
            args.target, args.arms, args.out, args.checkpoint, args.device, draws, args.cfg_options
        )
    found = quality_against_ap(folder, args.small_side, draws)
    print_table("Methods", method_header(found), method_rows(found))
    for across, heading in ACROSS.items():
        for score, title in SCORE_TITLES.items():
            rows = correlation_rows(found, across, score)
            print_table(f"\n{title}. {heading}", CORRELATION_HEADER, rows)
    for line in (*conclusion(found), *remarks(found)):
        print(f"- {line}")
    print(f"page: {folder / 'quality_against_ap.md'}; pictures: {folder / 'report.html'}")


if __name__ == "__main__":
    main()
