"""Get the tree-crown data set: real aerial images from a Python wheel, as COCO-format tiles."""

import argparse
from pathlib import Path

from mmisr.apis.data import tree_crowns

OUT = Path("data/tree_crowns")
CACHE = Path("data/wheels")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the data set")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder that keeps the wheel")
    parser.add_argument(
        "--wheel",
        type=Path,
        help="a deepforest==2.1.0 wheel that you have already",
    )
    args = parser.parse_args()
    for line in tree_crowns(args.out, args.cache, args.wheel):
        print(line)


if __name__ == "__main__":
    main()
