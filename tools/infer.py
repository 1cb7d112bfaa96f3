"""Detect in LR images, a folder, an address or a video with a pair.

Annotated pictures, COCO results, SR images.
"""

import argparse

import mmisr.apis
from mmisr.apis.arguments import add_device, add_routing
from mmisr.apis.memory import keep_freed_memory


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    source_help = "image, folder, video, or address of an image"
    parser.add_argument("inputs", metavar="INPUT", help=source_help)
    parser.add_argument("model", metavar="CONFIG", help="config of a pair")
    parser.add_argument(
        "--weights", help="weights of the whole pair; those that the config names by default"
    )
    parser.add_argument(
        "--out-dir", default="outputs", help="folder of vis/, preds/, sr/ and results.bbox.json"
    )
    add_device(parser)
    parser.add_argument("--batch-size", type=int, default=1)
    drawn_help = "boxes drawn; JSON holds all"
    parser.add_argument("--score-thr", "--pred-score-thr", type=float, default=0.3, help=drawn_help)
    add_routing(parser)
    stdo_help = "networks of tools/overfit_video.py in place of the pair's editor, for the LR clip"
    parser.add_argument("--stdo", metavar="MODEL", help=stdo_help)
    parser.add_argument("--save-sr", action="store_true", help="also write the SR images")
    parser.add_argument("--no-vis", "--no-save-vis", action="store_true", help="write no pictures")
    parser.add_argument("--no-save-pred", action="store_true", help="write no JSON")
    parser.add_argument(
        "--draw-on", choices=("sr", "lr"), default="sr", help="image that the pictures show"
    )
    parser.add_argument("--show", action="store_true", help="show every picture in a window")
    parser.add_argument("--print-result", action="store_true", help="print what was found")
    parser.add_argument(
        "--palette", default="none", help="colours of the classes: coco, voc, citys, random, none"
    )
    return parser.parse_args()


def main() -> None:
    keep_freed_memory()
    args = parse_args()
    given = {"target_ms": args.budget_ms, "hard_share": args.hard_share}
    budget = {name: value for name, value in given.items() if value is not None} or None
    routing = {"palette": args.palette, "router": args.router, "budget": budget}
    infer = mmisr.apis.SRDetInferencer(args.model, args.weights, args.device, **routing)
    if args.windows is not None:
        infer.search_windows({"margin": args.windows})
    if args.stdo is not None:
        infer.play_clip(args.stdo)
    infer(
        args.inputs,
        batch_size=args.batch_size,
        out_dir=args.out_dir,
        pred_score_thr=args.score_thr,
        no_save_vis=args.no_vis,
        no_save_pred=args.no_save_pred,
        save_sr=args.save_sr,
        draw_on=args.draw_on,
        show=args.show,
        print_result=args.print_result,
    )
    print(f"results: {args.out_dir}")


if __name__ == "__main__":
    main()
