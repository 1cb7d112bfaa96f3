"""Processes without mmcv, mmdet, mmagic and mmisr, started in a tenth of the time of a new one.

This process imports torch, mmengine and what the three import from elsewhere. For each line of its
input, a request in JSON, it forks; the child runs the code as ``__main__`` would, and the line of
output is its exit status.
"""

import contextlib
import importlib
import json
import os
import sys
import traceback

ELSEWHERE = (
    "torch._dynamo",
    "torchvision.models",
    "mmengine.runner",
    "matplotlib.pyplot",
    "scipy.stats",
    "cv2",
    "pycocotools.mask",
    "albumentations",
    "imgaug.augmenters",
    "spandrel",
    "faster_coco_eval",
)
"""What takes most of the time, and what no test of the door is about."""


def run(code: str, path: list[str]) -> int:
    """Run the code in this process, and say what its exit status is."""
    sys.path[:0] = path
    main = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        exec(compile(code, "<string>", "exec"), main)
    except SystemExit as stop:
        return int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def child(request: dict) -> None:
    """Never returns: the code's output goes into the two files of the request."""
    status = 1
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
        status = run(request["code"], request["path"])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):  # lines of ours are statuses
        for name in ELSEWHERE:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"mmcv", "mmdet", "mmagic", "mmisr"}, "preloaded what is tested"
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
