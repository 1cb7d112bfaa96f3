"""What ``tools/test.py`` does: the metrics of a pair, an editor or a detector on its test set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image
from torch import Tensor

from mmisr.apis.checks.checkpoints import check_checkpoint
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import check_classes, check_metrics, classes_of, test_pipeline
from mmisr.apis.checks.own_resize import say_dropped_resize
from mmisr.apis.configs import read_config
from mmisr.datasets.paired import PairedLR
from mmisr.degradation.transform import NativeLR, SimulateLR
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.processes import join_processes
from mmisr.openmmlab.testing import add_dump, draw_boxes, set_tta
from mmisr.ops.files import write_image
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import MODELS, TRANSFORMS, find

TRAINING = (
    "train_dataloader",
    "train_cfg",
    "optim_wrapper",
    "param_scheduler",
    "val_dataloader",
    "val_cfg",
    "val_evaluator",
)
"""What a test does not need; mmengine asks that all or none of it is there."""


@dataclass(frozen=True)
class Pictures:
    """What to draw during a test.

    Args:
        show: Whether a window opens for every image.
        show_dir: Folder for the pictures, under ``<work_dir>/<timestamp>``; None for none.
        wait_time: Seconds that a window stays; 2 by default.
    """

    show: bool = False
    show_dir: str | None = None
    wait_time: float = 2.0


@names_config
def test(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    work_dir: str | None = None,
    out: str | None = None,
    pictures: Pictures | None = None,
    tta: bool = False,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
) -> dict[str, float]:
    """Test a pair, an editor or a detector.

    Args:
        config: A config file, or a config.
        checkpoint: Weights of the whole model; None for those that the config itself names.
        work_dir: Where the log goes; ``work_dirs/<config name>`` by default.
        out: Also write the predictions to this ``.pkl`` file.
        pictures: What to draw; None for nothing.
        tta: Test-time augmentation: the config's ``tta_model`` and ``tta_pipeline``, or a
            horizontal flip. A ``tta_pipeline`` inherited from plain mmdet, which makes no LR image,
            is left aside.
        cfg_options: Overrides by dotted key.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Returns:
        The metrics by name.

    Raises:
        FileNotFoundError: Config or checkpoint do not exist.
        ValueError: The config cannot be tested, the checkpoint does not fit, or an option asks for
            what the model lacks.
    """
    if checkpoint is not None and not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f"checkpoint {checkpoint} does not exist; give the file that training wrote"
        )
    cfg = read_config(config, work_dir, cfg_options, launcher)
    pipeline = test_pipeline(cfg)
    is_editor = issubclass(find(MODELS, cfg.model.type) or object, SREditor)
    if tta:
        _set_tta(cfg, pipeline, is_editor)
    if pictures is not None and pictures.show and is_editor:
        raise ValueError(
            "--show draws boxes, and this config's model is an editor alone: use --show-dir for "
            "its images"
        )
    cfg.load_from, cfg.resume = None, False  # what a training config starts from is not tested
    cfg.update(dict.fromkeys(TRAINING))
    join_processes(cfg)
    runner = Runner.from_cfg(cfg)
    _load(runner, checkpoint)
    check_classes(runner.model, classes_of(cfg))
    check_metrics(runner.test_loop.dataloader.dataset, cfg.get("test_evaluator"), "test")
    say_dropped_resize(cfg)
    if out is not None:
        add_dump(runner, out)
    if pictures is not None:
        _draw(runner, pictures, is_editor)
    return runner.test()


# It is not a test, whatever pytest makes of the name.
test.__test__ = False  # type: ignore[attr-defined]


def _load(runner: Runner, checkpoint: str | Path | None) -> None:
    """Load the checkpoint, or see that the config names the weights."""
    if checkpoint is None:
        check_named_weights(runner.model)
        return
    state = check_checkpoint(runner.model, checkpoint)
    runner.register_hook(LoadedWeights(state), "VERY_HIGH")


def _draw(runner: Runner, pictures: Pictures, is_editor: bool) -> None:
    if is_editor:
        folder = Path(runner.work_dir) / runner.timestamp / str(pictures.show_dir)
        runner.register_hook(SaveImages(folder))
    else:
        draw_boxes(runner, pictures.show, pictures.show_dir, pictures.wait_time)


class LoadedWeights(Hook):
    """Tell mmengine's hooks (moving averages of weights) what was loaded.

    It is not mmengine that loads: it would unpickle anything.

    Args:
        state: The weights by name.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def before_test(self, runner: Any) -> None:
        """Announce the weights."""
        checkpoint = {"state_dict": self.state, "meta": {}}
        runner.call_hook("after_load_checkpoint", checkpoint=checkpoint)


class SaveImages(Hook):
    """Save the image of every sample of an editor that is tested alone.

    Args:
        folder: The folder; files are named after the images that were read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save the images of a batch."""
        for sample in outputs:
            image = sample.output.pred_img.clamp(0, 255).round().byte()
            pixels = image.permute(1, 2, 0).cpu().numpy()
            path = self.folder / f"{Path(str(sample.img_path)).stem}.png"
            write_image(path, Image.fromarray(pixels))


def _set_tta(cfg: Config, pipeline: list[dict], is_editor: bool) -> None:
    if is_editor:
        raise ValueError(
            "--tta merges boxes, and this config's model is an editor alone: use the config of a "
            "pair"
        )
    makers = [index for index, step in enumerate(pipeline) if makes_lr(step)]
    views = cfg.get("tta_pipeline") or ()
    if not makers and not views:
        raise ValueError(
            "--tta needs `tta_pipeline` in the config: its test pipeline has no transform that "
            "makes LR images"
        )
    if makers and not any(makes_lr(step) for step in views):
        cfg.tta_pipeline = None
    set_tta(cfg, makers[0] if makers else 0)


def makes_lr(step: dict | list) -> bool:
    """Whether a transform makes the LR image, itself or in one of the views that it branches into.

    Args:
        step: Config of the transform, or a list of such.
    """
    if isinstance(step, dict) and "transforms" not in step:
        return find(TRANSFORMS, step["type"]) in (SimulateLR, NativeLR, PairedLR)
    inner = step["transforms"] if isinstance(step, dict) else step
    return any(makes_lr(view) for view in inner)
