"""Time the training steps of several configs in turns: what does a strategy cost?"""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.console import print_table
from mmisr.apis.step_cost import step_cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="of pairs; others are compared with the first")
    parser.add_argument("--rounds", type=int, default=10, help="steps of each")
    parser.add_argument("--out", default="work_dirs/step_cost/step_cost.json", help="file")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    costs = step_cost(args.configs, args.rounds, args.out, args.device, args.cfg_options)
    rows = []
    for cost in costs:
        peak = "" if cost.peak_mib is None else cost.peak_mib
        rows.append((cost.name, cost.ms, cost.ratio, peak))
    print_table("training steps", ("config", "ms", "ratio", "peak MiB"), rows, digits=2)


if __name__ == "__main__":
    main()
