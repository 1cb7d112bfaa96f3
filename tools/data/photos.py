"""Get a handful of natural photos, which scikit-image ships, as a COCO-format data set."""

import argparse
from pathlib import Path

from mmisr.apis.data import photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("data/photos"), help="folder of the data set"
    )
    args = parser.parse_args()
    for line in photos(args.out):
        print(line)


if __name__ == "__main__":
    main()
