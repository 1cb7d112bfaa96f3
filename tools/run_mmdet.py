"""Run one of mmdet's own tools on a pair.

run_mmdet.py test CONFIG CHECKPOINT --out results.pkl, say.
"""

import argparse

from mmisr.apis.clients import run_mmdet


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tool", help="name of a tool (test, browse_dataset, get_flops, ...), or path of a script"
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the tool's own")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    run_mmdet(args.tool, args.arguments)


if __name__ == "__main__":
    main()
