"""Time the training steps of several configs in turns: what does a strategy cost?"""

import argparse

from mmengine.config import DictAction

from mmisr.apis.step_cost import step_cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="of pairs; others are compared with the first")
    parser.add_argument("--rounds", type=int, default=10, help="steps of each")
    parser.add_argument("--out", default="work_dirs/step_cost/step_cost.json", help="file")
    parser.add_argument("--device", help="a GPU where there is one")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE")
    args = parser.parse_args()
    costs = step_cost(args.configs, args.rounds, args.out, args.device, args.cfg_options)
    print("| config | ms a step | ratio | peak MiB |")
    print("| --- | --- | --- | --- |")
    for cost in costs:
        peak = "" if cost.peak_mib is None else f"{cost.peak_mib:.0f}"
        print(f"| {cost.name} | {cost.ms:.0f} | {cost.ratio:.2f} | {peak} |")


if __name__ == "__main__":
    main()
