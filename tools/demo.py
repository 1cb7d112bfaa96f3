"""Evaluate InstanceSR in front of a detector on real aerial images.

A table, a JSON file, pictures and an HTML report.
"""

import argparse

from mmisr.apis.console import print_comparison
from mmisr.apis.demo import CONFIG, TITLE, demo
from mmisr.apis.memory import keep_freed_memory


def main() -> None:
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", default="work_dirs/demo", help="folder of results.json, report.html and pictures/"
    )
    parser.add_argument(
        "--config", default=CONFIG, help="config of a pair with an InstanceSR editor"
    )
    args = parser.parse_args()
    made = demo(args.out, args.config)
    print("\n".join(made.data))
    print_comparison(made.comparison, TITLE)
    print(f"results: {made.results}; pictures: {made.pictures}")
    print(f"report: {made.report}")


if __name__ == "__main__":
    main()
