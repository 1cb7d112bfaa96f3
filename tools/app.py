"""Try pairs on your own images in the browser, on this machine alone.

Needs: pip install 'mmisr[app]'.
"""

import argparse

import mmisr.apis


def announce(address: str) -> None:
    print(f"mmisr is at {address}; stop it with Ctrl-C", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "configs",
        nargs="*",
        metavar="CONFIG",
        help="configs of pairs; the published one by default",
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        default=[],
        metavar="FILE",
        help="further checkpoints of the first config",
    )
    parser.add_argument("--device", help="cpu, cuda, ...; a GPU where there is one by default")
    parser.add_argument("--port", type=int, help="port; the first free one from 7860 by default")
    parser.add_argument(
        "--max-pixels", type=int, default=1024 * 1024, help="largest image, height times width"
    )
    args = parser.parse_args()
    places = (args.device, args.port)
    mmisr.apis.serve(args.configs, args.weights, *places, args.max_pixels, announce=announce)


if __name__ == "__main__":
    main()
