"""Draw curves from the JSON logs of training runs, or say how long an iteration took."""

import argparse

from mmisr.apis.console import print_table
from mmisr.apis.curves import Looks, log_times, plot_logs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    curves = tasks.add_parser("plot_curve", help="draw values over steps")
    curves.add_argument(
        "logs", nargs="+", metavar="LOG", help="vis_data/scalars.json, or a work folder"
    )
    curves.add_argument("--keys", nargs="+", default=[], help="what to draw; the losses by default")
    curves.add_argument(
        "--out", default="work_dirs/curves.png", help="picture to write: png, pdf or svg"
    )
    curves.add_argument("--title", help="text above the panels")
    curves.add_argument(
        "--legend", nargs="+", default=[], help="names of the lines: by log, or by log and key"
    )
    curves.add_argument(
        "--start-epoch", type=int, default=1, help="leave out what was logged before"
    )
    curves.add_argument("--style", help="a style sheet of matplotlib's")
    curves.add_argument(
        "--backend", help="mmdet's; nothing to choose, the picture is written without a display"
    )
    curves.add_argument(
        "--eval-interval", help="mmdet's; not needed, the log has the step of every value"
    )
    times = tasks.add_parser("cal_train_time", help="seconds per iteration")
    times.add_argument(
        "logs", nargs="+", metavar="LOG", help="vis_data/scalars.json, or a work folder"
    )
    times.add_argument(
        "--include-outliers", action="store_true", help="mmdet's; nothing is left out in any case"
    )
    args = parser.parse_args()
    if args.task == "cal_train_time":
        header = ("run", "records", "mean", "fastest", "slowest", "data")
        print_table("seconds an iteration", header, log_times(args.logs))
    else:
        looks = Looks(args.title, args.style)
        rows = plot_logs(args.logs, args.out, args.keys, args.legend, args.start_epoch, looks)
        print_table("curves", ("key", "run", "first", "last", "lowest", "highest"), rows)
        print(f"picture: {args.out}")


if __name__ == "__main__":
    main()
