"""Time the metric against faster-coco-eval alone, and the bootstrap, on a made-up data set.

Seconds are those of the processor.
"""

import argparse

from mmisr.apis.console import print_table
from mmisr.apis.evaluation_speed import evaluation_speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--annotations", type=int, default=36_000, help="in all images together")
    parser.add_argument("--detections", type=int, default=500_000, help="in all images together")
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument(
        "--replicates", type=int, default=1000, help="of the bootstrap of one arm; 0 for none"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="timed rounds; metric and library take turns"
    )
    parser.add_argument(
        "--protocol", default="coco", help="whose rules are counted: visdrone, tinyperson, ..."
    )
    args = parser.parse_args()
    speed = evaluation_speed(
        args.images,
        args.annotations,
        args.detections,
        args.classes,
        args.replicates,
        args.repeats,
        args.protocol,
    )
    figures = {"metric s": speed.metric, "library s": speed.library, "ratio": speed.ratio}
    if speed.bootstrap is not None:
        figures["bootstrap s"] = speed.bootstrap
    print_table(f"evaluation by {args.protocol}", list(figures), [list(figures.values())], digits=2)


if __name__ == "__main__":
    main()
