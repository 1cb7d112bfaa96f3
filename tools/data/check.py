"""Check data sets in COCO format before a night of training.

Sizes, boxes, duplicates, classes, files, tags, object sizes in LR pixels, near duplicates between
train and val, misaligned pairs: a table, a page with pictures, JSON. Exits with 1 where there are
errors.
"""

import argparse
import sys

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.check_sets import (
    HEADER,
    NEAR,
    SIZE_HEADER,
    Wanted,
    check_data_sets,
    finding_rows,
    size_rows,
    verdict,
)
from mmisr.apis.console import print_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "sets",
        nargs="+",
        metavar="SET",
        help="[NAME=]JSON[,FOLDER], the set that is trained on first; or one config",
    )
    parser.add_argument(
        "--scale",
        type=float,
        help="by which image files are reduced to LR; the config's, or 1, by default",
    )
    parser.add_argument(
        "--lr",
        metavar="FOLDER",
        help="LR images that were taken separately, under the names of the HR ones",
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="headers and ends of files alone: no damage in the middle, no near duplicates",
    )
    parser.add_argument(
        "--near",
        type=int,
        default=NEAR,
        metavar="BITS",
        help=f"bits of 63 by which near duplicates may differ; {NEAR} by default",
    )
    parser.add_argument("--out", help="folder for page and JSON; work_dirs/check/... by default")
    add_cfg_options(parser)
    args = parser.parse_args()
    wanted = Wanted(args.scale, not args.fast, args.near, args.lr)
    found = check_data_sets(args.sets, wanted, args.out, args.cfg_options)
    print_table("Sides in LR pixels", SIZE_HEADER, size_rows(found.check), digits=1)
    if found.check.findings:
        print_table("Findings", HEADER, finding_rows(found.check))
    for finding in found.check.findings:
        if finding.severity != "note":
            print(f"- {finding.set_name}, {finding.rule}: {finding.way_out}")
            print(*(f"    {example}" for example in finding.examples), sep="\n")
    print(verdict(found.check))
    print(f"page: {found.folder / 'check.html'}")
    sys.exit(1 if found.check.has_errors else 0)


if __name__ == "__main__":
    main()
