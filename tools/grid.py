"""Train a table of configs with several seeds: mean, spread, paired intervals and cost of each."""

import argparse

from mmisr.apis.grid import REPLICATES, Launch, grid, markdown_grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="configs of pairs; a row is called as its file")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of every row")
    parser.add_argument("--baseline", help="row that the others are compared with; the first")
    parser.add_argument(
        "--link",
        nargs="+",
        default=[],
        metavar="KEY=ROW",
        help="checkpoint of another row's run with the same seed as a config's value, "
        "e.g. model.strategy.teacher=hr",
    )
    parser.add_argument("--out", default="work_dirs/grid", help="folder; runs there go on")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs of one run, by torchrun")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, on GPUs of their own")
    parser.add_argument("--amp", action="store_true", help="automatic mixed precision")
    parser.add_argument("--device", help="where rows are tested; a GPU where there is one")
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="of the bootstrap")
    args = parser.parse_args()
    links = dict(link.partition("=")[::2] for link in args.link)
    result = grid(
        args.configs,
        seeds=args.seeds,
        out=args.out,
        baseline=args.baseline,
        links=links,
        launch=Launch(args.gpus, args.amp, args.jobs),
        device=args.device,
        replicates=args.replicates,
    )
    print(markdown_grid(result))
    print(f"{args.out}/grid.json, grid.md, grid.png")


if __name__ == "__main__":
    main()
