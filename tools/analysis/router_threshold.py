"""Choose the threshold of a pair's router on its training data, for a recall of objects."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.router_threshold import RECALLS, router_threshold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of a pair whose router ranks tokens")
    parser.add_argument("checkpoint", nargs="?", help="weights of the pair")
    parser.add_argument(
        "--recall",
        nargs="+",
        type=float,
        default=list(RECALLS),
        help="shares of the training objects whose token shall go deep",
    )
    parser.add_argument("--out", help="JSON file; one in work_dirs/router_threshold by default")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    result = router_threshold(
        args.config,
        args.checkpoint,
        recalls=args.recall,
        out=args.out,
        device=args.device,
        cfg_options=args.cfg_options,
    )
    print("recall   bias   train: reached  tokens   test: reached  tokens")
    for row in result.thresholds:
        print(
            f"{row.recall:6.3f} {row.bias:6.3f} {row.reached:14.3f} {row.share:7.3f} "
            f"{row.test_reached:14.3f} {row.test_share:7.3f}"
        )
    print("for a config: router=dict(type='learned', bias=...)")


if __name__ == "__main__":
    main()
