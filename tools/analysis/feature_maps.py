"""Draw a detector's features of bicubic, SR and HR pixels: of one image, or of a test set."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.console import print_table
from mmisr.apis.detector_views import draw_detector_views
from mmisr.apis.feature_maps import TAPS, draw_feature_maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair")
    parser.add_argument(
        "checkpoint", nargs="?", help="weights of the pair; those that the config names without"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--image", help="an HR image; the test pipeline makes the LR image of it")
    what.add_argument(
        "--images",
        type=int,
        help="so many of the test set: distance to HR, routing and task gain, a picture each, "
        "and the mean",
    )
    parser.add_argument(
        "--taps",
        nargs="+",
        default=TAPS,
        help="modules of backbone or neck: pyramid.0, ...",
    )
    parser.add_argument(
        "--out",
        help="picture to write (png, pdf or svg), work_dirs/features.png by default; with "
        "--images a folder, work_dirs/features/<config name>",
    )
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.image:
        out = args.out or "work_dirs/features.png"
        taps = draw_feature_maps(
            args.config, args.image, out, args.checkpoint, args.taps, args.device, args.cfg_options
        )
        rows = [(tap.tap, tap.to_hr["bicubic"], tap.to_hr["sr"]) for tap in taps]
        print_table("correlation to the features on HR", ("tap", "bicubic", "SR"), rows)
        print(f"picture: {out}")
        return
    seen = draw_detector_views(
        args.config,
        args.checkpoint,
        args.images,
        args.taps,
        args.out,
        args.device,
        args.cfg_options,
    )
    versions = ("bicubic", "sr")
    rows = []
    for gap in seen.mean:
        distances = [gap.distance[name] for name in versions]
        correlations = [gap.to_hr[name] for name in versions]
        rows.append((gap.tap, *distances, *correlations))
    names = ("tap", "bicubic", "SR", "correlation: bicubic", "SR")
    print_table(f"distance to HR, mean of {len(seen.images)} images", names, rows)
    print(f"pictures: {seen.folder}")


if __name__ == "__main__":
    main()
