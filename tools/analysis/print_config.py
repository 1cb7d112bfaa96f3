"""Print a config with everything that it inherits, after overrides."""

import argparse

from mmengine.config import DictAction

from mmisr.apis.configs import read_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--save-path", metavar="FILE", help="also write it: .py, .json or .yml")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override config keys: key=value"
    )
    args = parser.parse_args()
    if args.save_path and not args.save_path.endswith((".py", ".json", ".yml", ".yaml")):
        parser.error(f"--save-path must end in .py, .json, .yml or .yaml, got {args.save_path}")
    cfg = read_config(args.config, cfg_options=args.cfg_options)
    print(cfg.pretty_text)
    if args.save_path:
        cfg.dump(args.save_path)


if __name__ == "__main__":
    main()
