"""Time a pair against its parts run one after the other, on the same images."""

import argparse

from mmisr.apis.overhead import measure_overhead


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair")
    parser.add_argument(
        "--images",
        type=int,
        default=5,
        help="how many images",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=7,
        help="how often each is run, each way",
    )
    args = parser.parse_args()
    overhead = measure_overhead(args.config, args.images, args.repeats)
    pair_ms = overhead["pair_ms"]
    parts_ms = overhead["parts_ms"]
    ratio = overhead["ratio"]
    print(f"pair {pair_ms:.1f} ms, parts {parts_ms:.1f} ms, median ratio {ratio:.4f}")


if __name__ == "__main__":
    main()
