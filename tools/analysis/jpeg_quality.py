"""PSNR of an editor by the JPEG quality of its LR images, next to other editors."""

import argparse

from mmisr.apis.arguments import add_cfg_options, add_device
from mmisr.apis.jpeg_quality import QUALITIES, jpeg_quality


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of an editor, alone or in a pair")
    parser.add_argument("checkpoint", nargs="?", help="weights of the editor")
    parser.add_argument(
        "--others", nargs="+", default=[], metavar="NAME=CONFIG[,CHECKPOINT]", help="beside it"
    )
    parser.add_argument("--quality", nargs="+", type=int, default=QUALITIES, help="1 to 100")
    parser.add_argument(
        "--before",
        type=int,
        help="also: compressed at this quality first, its blocks half a block away",
    )
    parser.add_argument("--out", help="JSON; work_dirs/jpeg_quality/<config name>.json by default")
    add_device(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    rows = jpeg_quality(
        args.config,
        args.checkpoint,
        args.others,
        args.quality,
        args.before,
        args.out,
        args.device,
        args.cfg_options,
    )
    print("| JPEG quality | editor | PSNR | 95 % | over the first | 95 % |")
    print("|---|---|---:|---:|---:|---:|")
    for row in rows:
        low, high = row.interval
        below, above = row.gain_interval
        psnr = f"{row.psnr:.2f} | {low:.2f} to {high:.2f}"
        gain = f"{row.gain:+.2f} | {below:+.2f} to {above:+.2f}"
        print(f"| {row.compression} | {row.editor} | {psnr} | {gain} |")


if __name__ == "__main__":
    main()
