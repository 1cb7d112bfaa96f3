"""Print a config with everything that it inherits, after overrides."""

import argparse

from mmisr.apis.arguments import add_cfg_options
from mmisr.apis.configs import read_config

ENDINGS = (".py", ".json", ".yml", ".yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--save-path", metavar="FILE", help="also write it: .py, .json or .yml")
    add_cfg_options(parser)
    args = parser.parse_args()
    path = args.save_path
    if path and not path.endswith(ENDINGS):
        parser.error(f"--save-path must end in .py, .json, .yml or .yaml, got {path}")
    cfg = read_config(args.config, cfg_options=args.cfg_options)
    print(cfg.pretty_text)
    if path:
        cfg.dump(path)


if __name__ == "__main__":
    main()
