"""Draw what a config's pipeline makes of its data set: LR next to HR, with the annotated boxes."""

import argparse

from mmengine.config import DictAction

from mmisr.apis.browse import browse_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair or an editor")
    parser.add_argument("--output-dir", default="work_dirs/browse", help="folder of the pictures")
    parser.add_argument("--split", choices=["train", "val", "test"], default="train")
    parser.add_argument("--count", type=int, help="how many samples; all by default")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override config keys: key=value")
    args = parser.parse_args()
    written = browse_dataset(args.config, args.output_dir, args.split, args.count, args.cfg_options)
    print(f"{len(written)} pictures: {args.output_dir}")


if __name__ == "__main__":
    main()
