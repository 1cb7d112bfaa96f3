"""Make the HTML report of a finished comparison again: one file, no network; nothing is run."""

import argparse

from mmisr.apis.report import report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="what tools/compare.py --out or make demo wrote")
    parser.add_argument("--title", help="heading; the name of the config by default")
    parser.add_argument(
        "--pair",
        nargs=2,
        metavar=("ARM", "BASE"),
        help="the arm under test and the one it is compared with image by image; the editor and "
        "bicubic by default",
    )
    parser.add_argument(
        "--score-thr",
        type=float,
        help="detections from this score on are counted and drawn; by default each arm's own, "
        "where its F1 is best",
    )
    args = parser.parse_args()
    pair = tuple(args.pair) if args.pair else None
    print(f"report: {report(args.folder, args.title, pair, args.score_thr)}")


if __name__ == "__main__":
    main()
