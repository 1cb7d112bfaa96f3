"""Time a pair against its parts run one after the other, on the same images."""

import argparse

from mmisr.apis.overhead import measure_overhead


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair")
    parser.add_argument("--images", type=int, default=5, help="how many images")
    parser.add_argument("--repeats", type=int, default=7, help="how often each is run, each way")
    args = parser.parse_args()
    print(measure_overhead(args.config, args.images, args.repeats))


if __name__ == "__main__":
    main()
