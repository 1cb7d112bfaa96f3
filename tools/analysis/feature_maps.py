"""Draw a detector's features of bicubic, SR and HR pixels of one image, side by side."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.console import print_table
from mmisr.apis.feature_maps import TAPS, draw_feature_maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair")
    parser.add_argument(
        "checkpoint", nargs="?", help="weights of the pair; those that the config names without"
    )
    parser.add_argument(
        "--image", required=True, help="an HR image; the test pipeline makes the LR image of it"
    )
    parser.add_argument(
        "--taps",
        nargs="+",
        default=TAPS,
        help="modules of backbone or neck: pyramid.0, ...",
    )
    parser.add_argument(
        "--out", default="work_dirs/features.png", help="picture to write: png, pdf or svg"
    )
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    taps = draw_feature_maps(
        args.config,
        args.image,
        args.out,
        args.checkpoint,
        args.taps,
        args.device,
        args.cfg_options,
    )
    rows = [(tap.tap, tap.to_hr["bicubic"], tap.to_hr["sr"]) for tap in taps]
    print_table("correlation to the features on HR", ("tap", "bicubic", "SR"), rows)
    print(f"picture: {args.out}")


if __name__ == "__main__":
    main()
