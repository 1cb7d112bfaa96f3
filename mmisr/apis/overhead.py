"""What ``tools/analysis/pair_overhead.py`` does."""

from __future__ import annotations

from itertools import islice

from mmengine.runner import Runner

from mmisr.analysis.overhead import pair_overhead
from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.registry import MODELS


@names_config
def measure_overhead(config: str, images: int = 5, repeats: int = 7) -> str:
    """Time a pair against its parts on the first images of its test set.

    Args:
        config: Config of a pair.
        images: How many images.
        repeats: How often each is run, each way.

    Returns:
        One line for the terminal.
    """
    cfg = read_config(config)
    pair = MODELS.build(cfg.model)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    found = pair_overhead(pair, list(islice(loader, images)), repeats)
    return (
        f"pair {found['pair_ms']:.1f} ms, parts {found['parts_ms']:.1f} ms, median ratio "
        f"{found['ratio']:.4f}"
    )
