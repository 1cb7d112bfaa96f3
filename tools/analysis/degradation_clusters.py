"""Does a network know how its image was degraded? Clusters of its features, by t-SNE and index."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.degradation_clusters import PARTS, Protocol, degradation_clusters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of an editor, a pair or a detector")
    parser.add_argument("checkpoint", nargs="?", help="its weights")
    parser.add_argument(
        "--others", nargs="+", default=[], metavar="NAME=CONFIG[,CHECKPOINT]", help="beside it"
    )
    parser.add_argument("--part", choices=PARTS, default="editor", help="whose layer")
    parser.add_argument(
        "--layer",
        help="by default an editor's last convolution before the enlargement; pyramid.0 of a "
        "detector",
    )
    parser.add_argument(
        "--degradations",
        nargs="+",
        default=Protocol.degradations,
        help="clean, blur, noise, jpeg, or CORRUPTION:SEVERITY",
    )
    parser.add_argument("--patches", type=int, default=Protocol.patches, help="how many")
    parser.add_argument("--side", type=int, default=Protocol.side, help="of a patch, in pixels")
    parser.add_argument(
        "--out", help="folder; work_dirs/degradation_clusters/<config name> by default"
    )
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    protocol = Protocol(args.part, args.layer, args.degradations, args.patches, args.side)
    found = degradation_clusters(
        args.config,
        args.checkpoint,
        args.others,
        protocol,
        args.out,
        args.device,
        args.cfg_options,
    )
    print("| model | layer | space | label | index | permuted: mean | largest |")
    print("|---|---|---|---|---:|---:|---:|")
    for of_model in found:
        for row in of_model.clusters.indices:
            names = f"{of_model.name} | {of_model.layer} | {row.space} | {row.label}"
            level = f"{row.permuted_mean:.2f} | {row.permuted_largest:.2f}"
            print(f"| {names} | {row.index:.2f} | {level} |")


if __name__ == "__main__":
    main()
