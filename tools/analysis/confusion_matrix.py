"""Count which class was taken for which, from the predictions that tools/test.py --out wrote."""

import argparse

from mmengine.config import DictAction

from mmisr.apis.confusion import confusion_matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="the config that was tested")
    parser.add_argument("predictions", metavar="FILE.pkl", help="what tools/test.py --out wrote")
    parser.add_argument("--out", default="work_dirs/confusion_matrix.png", help="picture to write: png, pdf or svg")
    parser.add_argument("--score-thr", type=float, default=0.3, help="predictions of at least this score count")
    parser.add_argument("--tp-iou-thr", type=float, default=0.5, help="overlap of two boxes that may be one object")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override config keys: key=value")
    args = parser.parse_args()
    table = confusion_matrix(args.config, args.predictions, args.out, args.score_thr, args.tp_iou_thr, args.cfg_options)
    print(f"{table}\npicture: {args.out}")


if __name__ == "__main__":
    main()
