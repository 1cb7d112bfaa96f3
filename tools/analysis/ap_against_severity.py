"""AP of pairs on LR images that are corrupted, severity by severity: JSON, table and plot.

A checkpoint belongs to the config before it; a config without one names its weights itself.
"""

import argparse

from mmisr.apis.ap_against_severity import (
    CORRUPTIONS,
    SEVERITIES,
    ap_against_severity,
    pairs_of,
    severity_table,
)
from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.memory import keep_freed_memory


def main() -> None:
    keep_freed_memory()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "pairs", nargs="+", metavar="CONFIG [CHECKPOINT]", help="configs of pairs, with weights"
    )
    parser.add_argument(
        "--corruptions", nargs="+", choices=CORRUPTIONS, default=list(CORRUPTIONS), metavar="NAME"
    )
    parser.add_argument(
        "--severities", nargs="+", type=int, default=[0, *SEVERITIES], help="0 (as it is) to 5"
    )
    parser.add_argument(
        "--out",
        default="work_dirs/ap_against_severity",
        help="folder for results; cells that are in it are not computed again",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the corruptions")
    add_cfg_options(parser)
    args = parser.parse_args()
    pairs = pairs_of(args.pairs)
    content = ap_against_severity(
        pairs, args.corruptions, args.severities, args.out, args.seed, args.cfg_options
    )
    print(severity_table(content["cells"]))


if __name__ == "__main__":
    main()
