"""Draw curves from the JSON logs of training runs, or say how long an iteration took."""

import argparse

from mmisr.apis.curves import log_times, plot_logs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    curves = tasks.add_parser("plot_curve", help="draw values over steps")
    curves.add_argument("logs", nargs="+", metavar="LOG", help="vis_data/scalars.json, or a work folder")
    curves.add_argument("--keys", nargs="+", default=[], help="what to draw; the losses by default")
    curves.add_argument("--out", default="work_dirs/curves.png", help="picture to write: png, pdf or svg")
    times = tasks.add_parser("cal_train_time", help="seconds per iteration")
    times.add_argument("logs", nargs="+", metavar="LOG", help="vis_data/scalars.json, or a work folder")
    args = parser.parse_args()
    if args.task == "cal_train_time":
        print(log_times(args.logs))
    else:
        print(f"{plot_logs(args.logs, args.out, args.keys)}\npicture: {args.out}")


if __name__ == "__main__":
    main()
