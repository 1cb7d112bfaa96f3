"""Overfit small super-resolution networks to one clip (STDO), or play them back with --play."""

import argparse
from dataclasses import fields

from mmisr.apis.overfit_video import (
    DIVISIONS,
    PROTOCOLS,
    Settings,
    overfit_video,
    play_video,
    settings_of,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", metavar="CLIP", help="HR video, or folder of its frames")
    parser.add_argument("--out", help="model to write; with --play the SR video, .mkv for no loss")
    parser.add_argument("--play", metavar="MODEL", help="play this model of the clip back")
    lr_help = "also write the LR frames, as a video; .mkv for no loss"
    parser.add_argument("--lr-out", metavar="VIDEO", help=lr_help)
    protocol_help = "published settings; what is given beside them goes before them"
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), help=protocol_help)
    add_settings(parser)
    parser.add_argument("--resume", action="store_true", help="go on where a run stopped")
    parser.add_argument("--seed", type=int, default=226)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.out is None and args.play is None:
        parser.error("--out MODEL is where the networks go; or --play MODEL plays some back")
    return args


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Fields of Settings; those that are not given stay out of the namespace."""
    whole = {"type": int, "default": argparse.SUPPRESS}
    parser.add_argument("--scale", **whole, help="4 by default")
    parser.add_argument("--k", **whole, help="chunks, 2; 1 for one network without chunks")
    grid_help = "patches of a frame, down and across, 5 10; with tiles, large ones"
    parser.add_argument("--grid", nargs=2, **whole, metavar=("ROWS", "COLS"), help=grid_help)
    parser.add_argument("--epochs", **whole, help="of each network, 50")
    general_help = "of the network that sorts the patches, 30"
    parser.add_argument("--general-epochs", **whole, help=general_help)
    parser.add_argument("--channels", **whole, help="width of a network, 32")
    parser.add_argument("--blocks", **whole, help="residual blocks of a network, 16")
    divide_help = "a network a chunk (by default), one for all, or two sizes of tiles"
    parser.add_argument("--divide", choices=DIVISIONS, default=argparse.SUPPRESS, help=divide_help)
    split_help = "dB at which a tile is split into four, 40"
    parser.add_argument("--split-at", type=float, default=argparse.SUPPRESS, help=split_help)


def main() -> None:
    args = parse_args()
    if args.play is not None:
        played = play_video(args.play, args.clip, args.out, args.device)
        print(
            f"{played.psnr:.2f} dB (bicubic {played.bicubic:.2f}), {played.fps:.1f} frames/s"
            f"{f': {args.out}' if args.out else ''}"
        )
        return
    names = {field.name for field in fields(Settings)}
    given = {name: value for name, value in vars(args).items() if name in names}
    settings = settings_of(args.protocol, **given)
    done = overfit_video(
        args.clip, args.out, settings, args.resume, args.seed, args.device, args.lr_out
    )
    print(f"{done}\nmodel: {args.out}")


if __name__ == "__main__":
    main()
