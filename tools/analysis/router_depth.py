"""Measure an adaptive editor alone: PSNR, MACs and ms by router, and depth by difficulty."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.depth import router_depth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of an editor that routes tokens, alone")
    parser.add_argument("checkpoint", nargs="?", help="weights of the editor")
    parser.add_argument(
        "--routers", nargs="+", default=[], help="beside its own, its dense and cheapest one"
    )
    parser.add_argument("--images", type=int, default=10, help="the first so many")
    parser.add_argument("--rounds", type=int, default=3, help="in which they are timed")
    parser.add_argument("--out", help="folder; work_dirs/depth/<config name> by default")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    result = router_depth(
        args.config,
        args.checkpoint,
        routers=args.routers,
        images=args.images,
        rounds=args.rounds,
        out=args.out,
        device=args.device,
        cfg_options=args.cfg_options,
    )
    print("| router | PSNR | mean exit | GMAC | ms | seams |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in result.routers:
        numbers = (
            f"{row.psnr:.2f} | {row.depth:.2f} | {row.gmacs:.2f} | {row.ms:.0f} | {row.seams:.3f}"
        )
        print(f"| {row.router} | {numbers} |")
    for name, bins in result.bins.items():
        print(f"\n| error of the {name} | mean exit | tokens |")
        print("|---:|---:|---:|")
        for fifth in bins:
            print(f"| {fifth.difficulty:.1f} | {fifth.depth:.2f} | {fifth.tokens} |")


if __name__ == "__main__":
    main()
