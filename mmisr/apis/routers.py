"""Compare the routers of one InstanceSR checkpoint in front of one detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.comparison.run import SEED, Setup, run_arms, timed
from mmisr.apis.arms import editor_arms, router_arms, standard_arms
from mmisr.apis.compare import REPLICATES, best_device, finish, test_loader
from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config


@names_config
def compare_routers(
    config: str,
    out: str = "work_dirs/routers",
    device: str | None = None,
    replicates: int = REPLICATES,
    cfg_options: dict[str, Any] | None = None,
) -> Comparison:
    """Run the standard arms, then every other router at the learned router's histogram.

    Args:
        config: Config of a pair with an InstanceSR editor.
        out: Folder for results, as ``tools/compare.py`` writes them; arms that are in it are not
            run again.
        device: Where to run; a GPU where there is one by default.
        replicates: How often the images are drawn anew for the intervals.
        cfg_options: Overrides by dotted key.

    Returns:
        The comparison.

    Raises:
        ValueError: The config is no pair's, or its editor routes no tokens.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    loader = test_loader(cfg)
    setup = Setup(cfg, Path(out), device=device or best_device())
    editor = cfg.model.editor.to_dict()
    standard = standard_arms(editor)
    own, *dense = editor_arms(editor)
    if not dense:
        raise ValueError(
            f"routers are compared on an editor that routes tokens, and {editor['type']!r} in "
            f"{config} does not"
        )
    runs = run_arms(setup, standard, loader)
    shares = [image.tokens for image in runs[own.name].images if image.tokens is not None]
    routed = router_arms(editor, [sum(s[name] for s in shares) / len(shares) for name in shares[0]])
    runs |= run_arms(setup, routed, loader)
    runs = timed(setup, [*standard, *routed], loader, runs)
    return finish(setup, runs, loader, replicates, SEED)
