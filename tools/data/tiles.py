"""Cut the images of a COCO file into overlapping tiles, or put detections on tiles together."""

import argparse

from mmisr.apis.to_coco import cut_tiles, merge_tiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    cut = commands.add_parser("cut", help="images to tiles")
    cut.add_argument("ann_file", help="the COCO file")
    cut.add_argument("img_dir", help="folder of its images")
    cut.add_argument("--out", required=True, help="folder of the tiles and their COCO file")
    cut.add_argument("--size", type=int, default=1024, help="side of a tile in pixels")
    cut.add_argument("--overlap", type=int, default=200, help="pixels that neighbours share")
    merge = commands.add_parser("merge", help="detections on tiles to detections on images")
    merge.add_argument("results", help="COCO results of the tiles")
    merge.add_argument("tiles", help="COCO file of the tiles")
    merge.add_argument("whole", help="COCO file that they were cut from")
    merge.add_argument("--out", required=True, help="COCO results to write")
    merge.add_argument("--iou", type=float, default=0.5, help="overlap of what is found twice")
    args = parser.parse_args()
    if args.command == "cut":
        print(f"wrote {cut_tiles(args.ann_file, args.img_dir, args.out, args.size, args.overlap)}")
        return
    count = merge_tiles(args.results, args.tiles, args.whole, args.out, args.iou)
    print(f"wrote {count} detections to {args.out}")


if __name__ == "__main__":
    main()
