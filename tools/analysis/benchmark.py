"""Time an InstanceSR editor against its dense self: one table, one JSON file."""

import argparse

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.benchmark import FRAMES, Cases, benchmark, speed_table


def frame(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(height), int(width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of an InstanceSR editor, or of a pair with one")
    parser.add_argument(
        "checkpoint", nargs="?", help="weights of the editor; speed does not depend on them"
    )
    parser.add_argument(
        "--out", default="work_dirs/bench", help="folder of results.json and table.md"
    )
    parser.add_argument(
        "--frames", nargs="+", type=frame, default=FRAMES, metavar="WxH", help="LR frames"
    )
    parser.add_argument("--tokens", nargs="+", type=int, default=[8, 16], help="token sizes")
    parser.add_argument("--sizes", nargs="+", help="nano, base; the config's own by default")
    parser.add_argument(
        "--repeats", type=int, default=5, help="timed rounds; ways alternate within a round"
    )
    parser.add_argument("--device", default="cpu")
    add_cfg_options(parser)
    args = parser.parse_args()
    cases = Cases(args.frames, args.tokens, args.sizes)
    content = benchmark(
        args.config, args.checkpoint, args.out, cases, args.repeats, args.device, args.cfg_options
    )
    print(speed_table(content["rows"]))


if __name__ == "__main__":
    main()
