"""Draw the losses of training runs: a panel per phase of the strategy, runs over each other."""

import argparse

from mmisr.apis.console import print_table
from mmisr.apis.curves import loss_curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "work_dirs", nargs="+", metavar="WORK_DIR", help="folder of a run, or vis_data/scalars.json"
    )
    parser.add_argument(
        "--out", default="work_dirs/losses.png", help="picture to write: png, pdf or svg"
    )
    args = parser.parse_args()
    rows = loss_curves(args.work_dirs, args.out)
    print_table("losses", ("term", "run", "first", "last", "lowest", "highest"), rows)
    print(f"picture: {args.out}")


if __name__ == "__main__":
    main()
