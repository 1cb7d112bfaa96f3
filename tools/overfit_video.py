"""Overfit small super-resolution networks to one clip (STDO), or play them back with --play."""

import argparse

from mmisr.apis.overfit_video import Settings, overfit_video, play_video


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", metavar="CLIP", help="HR video, or folder of its frames")
    parser.add_argument("--out", help="model to write; with --play the SR video, .mkv for no loss")
    parser.add_argument("--play", metavar="MODEL", help="play this model of the clip back")
    lr_help = "also write the LR frames, as a video; .mkv for no loss"
    parser.add_argument("--lr-out", metavar="VIDEO", help=lr_help)
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--k", type=int, default=2, help="chunks; 1 for one network without chunks")
    grid_help = "patches of a frame, down and across"
    parser.add_argument(
        "--grid", type=int, nargs=2, default=(5, 10), metavar=("ROWS", "COLS"), help=grid_help
    )
    parser.add_argument("--epochs", type=int, default=50, help="of each network")
    general_help = "of the network that sorts the patches"
    parser.add_argument("--general-epochs", type=int, default=30, help=general_help)
    parser.add_argument("--channels", type=int, default=32, help="width of a network")
    parser.add_argument("--blocks", type=int, default=16, help="residual blocks of a network")
    parser.add_argument(
        "--joint", action="store_true", help="one network for all chunks, hard patches oftener"
    )
    parser.add_argument("--resume", action="store_true", help="go on where a run stopped")
    parser.add_argument("--seed", type=int, default=226)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.out is None and args.play is None:
        parser.error("--out MODEL is where the networks go; or --play MODEL plays some back")
    return args


def main() -> None:
    args = parse_args()
    if args.play is not None:
        played = play_video(args.play, args.clip, args.out, args.device)
        print(
            f"{played.psnr:.2f} dB (bicubic {played.bicubic:.2f}), {played.fps:.1f} frames/s"
            f"{f': {args.out}' if args.out else ''}"
        )
        return
    settings = Settings(
        scale=args.scale,
        k=args.k,
        grid=tuple(args.grid),
        channels=args.channels,
        blocks=args.blocks,
        epochs=args.epochs,
        general_epochs=args.general_epochs,
        joint=args.joint,
    )
    done = overfit_video(
        args.clip, args.out, settings, args.resume, args.seed, args.device, args.lr_out
    )
    print(f"{done}\nmodel: {args.out}")


if __name__ == "__main__":
    main()
