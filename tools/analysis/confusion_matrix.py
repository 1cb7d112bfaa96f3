"""Count which class was taken for which, from the predictions that tools/test.py --out wrote."""

import argparse
from pathlib import Path

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.confusion import Thresholds, confusion_matrix
from mmisr.apis.console import print_table
from mmisr.apis.windows import check_display, show_picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="the config that was tested")
    parser.add_argument("predictions", metavar="FILE.pkl", help="what tools/test.py --out wrote")
    parser.add_argument(
        "save_dir",
        nargs="?",
        help="folder for the picture, confusion_matrix.png, as mmdet's tool has it",
    )
    parser.add_argument(
        "--out",
        help="or the picture itself: png, pdf or svg; work_dirs/confusion_matrix.png by default",
    )
    parser.add_argument("--show", action="store_true", help="show the picture in a window too")
    parser.add_argument(
        "--color-theme",
        default="Blues",
        help="colour map of matplotlib's (mmdet's default: plasma)",
    )
    parser.add_argument(
        "--score-thr", type=float, default=0.3, help="predictions of at least this score count"
    )
    parser.add_argument(
        "--tp-iou-thr", type=float, default=0.5, help="overlap of two boxes that may be one object"
    )
    parser.add_argument(
        "--nms-iou-thr",
        type=float,
        help="thin out predictions of a class once more, by this overlap",
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.save_dir and args.out:
        parser.error(f"give the folder {args.save_dir} or --out {args.out}, not both")
    out = args.out or str(Path(args.save_dir or "work_dirs") / "confusion_matrix.png")
    if args.show and not out.endswith(".png"):
        parser.error(f"--show shows a .png, got --out {out}")
    if args.show:  # before the minutes that counting takes
        check_display("--show")
    thresholds = Thresholds(args.score_thr, args.tp_iou_thr, args.nms_iou_thr)
    options = (args.color_theme, args.cfg_options)
    matrix = confusion_matrix(args.config, args.predictions, out, thresholds, *options)
    rows = [(name, *row) for name, row in zip(matrix.names, matrix.counts, strict=True)]
    title = f"{matrix.title} (rows annotated, columns predicted)"
    print_table(title, ("", *matrix.names), rows)
    print(f"picture: {out}")
    if args.show:
        show_picture(out)


if __name__ == "__main__":
    main()
