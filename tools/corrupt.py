"""Write a corrupted copy of a COCO data set, in one of five severities; the originals stay.

The same command again resumes a run that ended early.
"""

import argparse

from mmisr.apis.corrupt import CORRUPTIONS, SEVERITIES, corrupt, corruption_table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"values of severities 1 to 5:\n{corruption_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("ann_file", help="the COCO file")
    parser.add_argument("img_dir", help="folder of its images")
    parser.add_argument(
        "--corruption", required=True, choices=CORRUPTIONS, metavar="NAME", help="see below"
    )
    parser.add_argument("--severity", required=True, type=int, choices=SEVERITIES)
    parser.add_argument(
        "--out", required=True, help="folder of images/, annotations.json and manifest.json"
    )
    parser.add_argument("--seed", type=int, default=0, help="combined with the images' ids")
    args = parser.parse_args()
    written = corrupt(
        args.ann_file, args.img_dir, args.corruption, args.severity, args.out, args.seed
    )
    print(f"wrote {written}")


if __name__ == "__main__":
    main()
