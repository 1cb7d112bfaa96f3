"""What ``tools/analysis/pair_overhead.py`` does."""

from __future__ import annotations

from itertools import islice

from mmengine.runner import Runner

from mmisr.analysis.overhead import pair_overhead
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.registry import MODELS


@names_config
def measure_overhead(config: str, images: int = 5, repeats: int = 7) -> dict[str, float]:
    """Time a pair against its parts on the first images of its test set.

    Args:
        config: Config of a pair.
        images: Number of images.
        repeats: Number of timed runs of each image, each way.

    Returns:
        ``pair_ms``, ``parts_ms`` and ``ratio``, see :func:`mmisr.analysis.overhead.pair_overhead`.
    """
    cfg = read_config(config)
    pair = MODELS.build(cfg.model)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    return pair_overhead(pair, list(islice(loader, images)), repeats)
