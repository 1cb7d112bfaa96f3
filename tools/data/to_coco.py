"""Convert a data set, as it is unpacked from its archive, to COCO format; originals are only read.

The same command again goes on where one ended early. The exit code is 1 where a split is not as
large as published.
"""

import argparse
import sys

from mmisr.apis.to_coco import FORMATS, Options, format_table, to_coco


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"formats:\n{format_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("format", choices=FORMATS, metavar="FORMAT", help="see below")
    parser.add_argument("source", help="folder of the unpacked archive")
    parser.add_argument("--out", required=True, help="folder of the COCO files, one a split")
    parser.add_argument("--encoding", help="of text files that do not say it; UTF-8 by default")
    parser.add_argument(
        "--classes", nargs="+", default=(), help="names in their order, for yolo and voc"
    )
    parser.add_argument(
        "--polygons",
        choices=("error", "boxes"),
        default="error",
        help="yolo: what polygons and turned boxes are, or the upright boxes around them",
    )
    parser.add_argument(
        "--first-pixel", type=int, choices=(0, 1), default=1, help="voc: where pixels count from"
    )
    args = parser.parse_args()
    options = Options(args.encoding, tuple(args.classes), args.polygons, args.first_pixel)
    reports = to_coco(args.format, args.source, args.out, options)
    for report in reports:
        print("\n".join(report.lines()))
    sys.exit(int(any(report.differs for report in reports)))


if __name__ == "__main__":
    main()
