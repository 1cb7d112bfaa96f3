"""Make a small checkpoint to hand on: one part of a model, without optimiser state."""

import argparse

from mmisr.apis.publish import publish


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="checkpoint of a training run")
    parser.add_argument("target", help="file to write")
    parser.add_argument("--part", help="keep only this part: detector or editor")
    parser.add_argument("--half", action="store_true", help="store weights in 16 bits")
    parser.add_argument(
        "--save-keys", nargs="+", default=["state_dict"], help="mmdet's; only state_dict is written"
    )
    args = parser.parse_args()
    if args.save_keys != ["state_dict"]:
        listed = ", ".join(args.save_keys)
        parser.error(f"--save-keys: weights alone are handed on, state_dict; got {listed}")
    return args


def main() -> None:
    args = parse_args()
    made = publish(args.source, args.target, args.part, args.half)
    mib = made.num_bytes / 2**20
    print(f"wrote {made.path}: {made.num_tensors} tensors, {mib:.2f} MiB")


if __name__ == "__main__":
    main()
