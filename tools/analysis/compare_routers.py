"""Compare the routers of one InstanceSR checkpoint in front of one detector."""

import argparse

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.console import print_comparison
from mmisr.apis.memory import keep_freed_memory
from mmisr.apis.routers import compare_routers


def main() -> None:
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair with an InstanceSR editor")
    parser.add_argument(
        "--out",
        default="work_dirs/routers",
        help="folder for results; arms in it are not run again",
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    print_comparison(compare_routers(args.config, args.out, cfg_options=args.cfg_options))


if __name__ == "__main__":
    main()
