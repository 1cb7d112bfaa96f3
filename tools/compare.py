"""Compare arms: one detector, one data set, LR against SR against HR.

Every figure and every difference comes with its 95 % interval.
"""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.compare import REPLICATES, SEED, compare, results_folder
from mmisr.apis.console import print_comparison
from mmisr.apis.memory import keep_freed_memory
from mmisr.apis.report import report


def main() -> None:
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "config", help="config of a pair; its test data and metric are those of every arm"
    )
    parser.add_argument(
        "checkpoint",
        nargs="?",
        help="weights of the whole pair; by default those that the config names",
    )
    parser.add_argument(
        "--arms",
        nargs="+",
        metavar="ARM",
        help="lr, nearest, bilinear, bicubic, area, lanczos, instance_sr, instance_sr_all_hard (or "
        "`editor`), larger_input, sliced, hr; NAME=CONFIG[,CHECKPOINT] for any editor; or a .py or "
        ".json file with a list `arms`. By default lr, bicubic, the config's editor, and hr where "
        "there is HR",
    )
    parser.add_argument(
        "--out",
        help="folder for results, work_dirs/compare/CONFIG by default; arms there are not run anew",
    )
    add_device(parser)
    parser.add_argument(
        "--replicates", type=int, default=REPLICATES, help="how often the images are drawn anew"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of these draws")
    parser.add_argument("--no-report", action="store_true", help="write no report.html")
    add_cfg_options(parser)
    args = parser.parse_args()
    comparison = compare(
        args.config,
        args.arms,
        args.out,
        args.checkpoint,
        args.device,
        replicates=args.replicates,
        seed=args.seed,
        cfg_options=args.cfg_options,
    )
    print_comparison(comparison)
    if not args.no_report:
        print(f"report: {report(results_folder(args.config, args.out))}")


if __name__ == "__main__":
    main()
