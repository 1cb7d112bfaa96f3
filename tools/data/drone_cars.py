"""Prepare the drone-cars data set (COCO format) from a folder on your disk."""

import argparse
from pathlib import Path

from mmisr.apis.data import drone_cars

OUT = Path("data/drone_cars")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--src",
        type=Path,
        required=True,
        help="folder with images/ and instances_{train,val}.json",
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the data set")
    args = parser.parse_args()
    for line in drone_cars(args.src, args.out):
        print(line)


if __name__ == "__main__":
    main()
