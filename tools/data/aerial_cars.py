"""Prepare the aerial-cars data set (KIT AIS Vehicles in COCO format) from a folder on your disk."""

import argparse
from pathlib import Path

from mmisr.apis.data import aerial_cars

OUT = Path("data/aerial_cars")


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
    for line in aerial_cars(args.src, args.out):
        print(line)


if __name__ == "__main__":
    main()
