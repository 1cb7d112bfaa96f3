"""Sort the training patches of a data set by how well an editor recovers them, for ClassSR."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.psnr_classes import psnr_classes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of an editor, whose training data is sorted")
    parser.add_argument("checkpoint", nargs="?", help="weights of the editor")
    parser.add_argument("--out", required=True, help="JSON file for mmisr.ClassPatch")
    parser.add_argument("--classes", type=int, default=3, help="number of classes of equal size")
    parser.add_argument(
        "--thresholds",
        nargs="+",
        type=float,
        help="PSNR in dB between the classes, ascending; 27.16882 35.149761 are ClassSR's",
    )
    parser.add_argument("--size", type=int, default=32, help="side of a patch in LR pixels")
    parser.add_argument("--stride", type=int, default=16, help="LR pixels from patch to patch")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    found = psnr_classes(
        args.config,
        args.out,
        args.checkpoint,
        classes=args.classes,
        thresholds=args.thresholds,
        tiling=(args.size, args.stride),
        device=args.device,
        cfg_options=args.cfg_options,
    )
    borders = ", ".join(f"{value:.2f}" for value in found.thresholds)
    print(f"patches by class, easiest first: {found.histogram()}; borders at {borders} dB")
    print(f"wrote {args.out}; in a training pipeline: dict(type='mmisr.ClassPatch', classes=...)")


if __name__ == "__main__":
    main()
