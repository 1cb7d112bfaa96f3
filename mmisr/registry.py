"""Child registries of mmengine's, scope ``mmisr``.

``locations`` is the one explicit list of modules that register something: to add an editor, a loss,
a strategy or a metric, add its module here.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mmengine.registry as roots
from mmengine.config import ConfigDict
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import Runner

# `_base_ = 'mmisr::...'` in a user's own project finds our installed configs through this table.
MODULE2PACKAGE.setdefault("mmisr", "mmisr")


def _answer_for_the_detector() -> None:
    """The config of a pair answers for its detector, as the pair itself does.

    Mmdet's ``init_detector`` reads ``model.backbone``.
    """
    real = ConfigDict.__getattr__
    if getattr(real, "asks_the_detector", False):
        return

    @functools.wraps(real)
    def look_up(self: ConfigDict, name: str) -> Any:
        try:
            return real(self, name)
        except AttributeError:
            detector = self.get("detector") if "editor" in self else None
            if not isinstance(detector, dict) or name not in detector:
                raise
            return detector[name]

    look_up.asks_the_detector = True  # type: ignore[attr-defined]
    ConfigDict.__getattr__ = look_up


def _test_without_schedule() -> None:
    """Training data without a schedule is no reason not to test.

    Mmdet's ``test.py`` hands a Runner the whole config.
    """
    real = Runner.__init__
    if getattr(real, "tests_without_schedule", False):
        return

    @functools.wraps(real)
    def start(self: Runner, *args: Any, **options: Any) -> None:
        by_name = "train_dataloader" in options
        if by_name and all(options.get(name) is None for name in ("train_cfg", "optim_wrapper")):
            options["train_dataloader"] = None
        real(self, *args, **options)

    start.tests_without_schedule = True  # type: ignore[attr-defined]
    Runner.__init__ = start


_answer_for_the_detector()
_test_without_schedule()


class OwnRegistry(Registry):
    """A kind of part that only this project has.

    In the default scope of another library it is built without a warning.
    """

    @contextmanager
    def switch_scope_and_registry(self, scope: str | None) -> Iterator[Registry]:
        """As mmengine's, which warns where the default scope has no such kind."""
        current = None if scope is not None else DefaultScope.get_current_instance()
        name = current.scope_name if current is not None else self.scope
        if (
            scope is None
            and name in MODULE2PACKAGE
            and self._get_root_registry()._search_child(name) is None
        ):
            yield self
            return
        with super().switch_scope_and_registry(scope) as found:
            yield found


MODELS = Registry(
    "model",
    parent=MMENGINE_MODELS,
    scope="mmisr",
    locations=[
        "mmisr.openmmlab.editor",
        "mmisr.openmmlab.mmagic_nets",
        "mmisr.openmmlab.torchvision_backbone",
        "mmisr.openmmlab.tta",
        "mmisr.losses.fdsr.loss",
        "mmisr.losses.perceptual",
        "mmisr.losses.pixel",
        "mmisr.losses.srobb.loss",
        "mmisr.losses.vgg",
        "mmisr.editors.resample.editor",
        "mmisr.editors.plain.editor",
        "mmisr.editors.spandrel.editor",
        "mmisr.editors.cajnn.editor",
        "mmisr.editors.chain.editor",
        "mmisr.editors.classsr.editor",
        "mmisr.editors.instance_modulation.editor",
        "mmisr.editors.instance_sr.editor",
        "mmisr.editors.instance_sr.instance_router",
        "mmisr.editors.path_restore.editor",
        "mmisr.editors.sftgan.editor",
        "mmisr.editors.stdo.editor",
        "mmisr.pipeline.preprocess",
        "mmisr.pipeline.sr_detector",
    ],
)
STRATEGIES = OwnRegistry(
    "strategy",
    scope="mmisr",
    locations=[
        "mmisr.strategies.adversarial.strategy",
        "mmisr.strategies.aeris.strategy",
        "mmisr.strategies.aux_branch.strategy",
        "mmisr.strategies.frozen.strategy",
        "mmisr.strategies.hr_distill.strategy",
        "mmisr.strategies.joint.strategy",
        "mmisr.strategies.sr4ir.strategy",
        "mmisr.strategies.task_driven.strategy",
        "mmisr.strategies.task_gain.strategy",
    ],
)
DATASETS = Registry(
    "dataset", parent=MMENGINE_DATASETS, scope="mmisr", locations=["mmisr.datasets.coco"]
)
SAMPLERS = Registry(
    "data sampler",
    parent=MMENGINE_DATA_SAMPLERS,
    scope="mmisr",
    locations=["mmisr.datasets.image_sampler"],
)
TRANSFORMS = Registry(
    "transform",
    parent=MMENGINE_TRANSFORMS,
    scope="mmisr",
    locations=[
        "mmisr.openmmlab.datasets",
        "mmisr.datasets.loading",
        "mmisr.datasets.crops",
        "mmisr.datasets.reducing",
        "mmisr.datasets.paired",
        "mmisr.datasets.patch_classes",
        "mmisr.datasets.packing",
        "mmisr.degradation.transform",
    ],
)
DEGRADATIONS = OwnRegistry(
    "degradation step",
    scope="mmisr",
    locations=[
        "mmisr.degradation.steps.aeris",
        "mmisr.degradation.steps.blur",
        "mmisr.degradation.steps.choices",
        "mmisr.degradation.steps.codecs",
        "mmisr.degradation.steps.noise",
        "mmisr.degradation.steps.resize",
    ],
)
METRICS = Registry(
    "metric",
    parent=MMENGINE_METRICS,
    scope="mmisr",
    locations=[
        "mmisr.openmmlab.evaluation",
        "mmisr.evaluation.metrics.size_binned_coco",
        "mmisr.evaluation.metrics.region_quality",
        "mmisr.evaluation.metrics.object_recall",
    ],
)
HOOKS = Registry(
    "hook",
    parent=MMENGINE_HOOKS,
    scope="mmisr",
    locations=[
        "mmisr.openmmlab.stages",
        "mmisr.openmmlab.unfreezing",
        "mmisr.datasets.seeding",
        "mmisr.editors.instance_sr.hooks",
    ],
)

VISUALIZERS = Registry(
    "visualizer",
    parent=MMENGINE_VISUALIZERS,
    scope="mmisr",
    locations=["mmisr.openmmlab.visualization"],
)
MODEL_WRAPPERS = Registry(
    "model_wrapper",
    parent=MMENGINE_MODEL_WRAPPERS,
    scope="mmisr",
    locations=["mmisr.openmmlab.distributed"],
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    "optimizer wrapper constructor",
    parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
    scope="mmisr",
    locations=["mmisr.openmmlab.distributed"],
)


def _declare_the_other_kinds() -> None:
    """Give the scope an empty registry of every further kind.

    Without one mmengine warns, and then looks in its own.
    """
    for root in (value for value in vars(roots).values() if isinstance(value, Registry)):
        if root.scope == "mmengine" and root._search_child("mmisr") is None:
            # Nothing is registered there, so there is nothing more to import than this module.
            Registry(root.name, parent=root, scope="mmisr", locations=["mmisr.registry"])


_declare_the_other_kinds()


def find(registry: Registry, name: str | type) -> type | None:
    """The class that a config's ``type`` names, looked up as building would.

    In the default scope before our own.

    Args:
        registry: The registry to look in.
        name: The value of ``type``; a class stands for itself.

    Returns:
        The class, or None where nobody registered the name.
    """
    if isinstance(name, type):
        return name
    with registry.switch_scope_and_registry(None) as scoped:
        found: type | None = scoped.get(name) or registry.get(name)
    return found


def bare_name(kind: str | type) -> str:
    """The name that a config's ``type`` has without its scope.

    Args:
        kind: The value of ``type``; a class stands for itself.

    Example:
        >>> bare_name("mmdet.Resize")
        'Resize'
    """
    return kind.__name__ if isinstance(kind, type) else str(kind).rpartition(".")[2]
