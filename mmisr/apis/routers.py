"""What ``tools/analysis/compare_routers.py`` does: one checkpoint under every router."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmisr.analysis.comparison.named_arms import editor_arms, router_arms, standard_arms
from mmisr.analysis.comparison.result import ArmRun, Comparison
from mmisr.analysis.comparison.run import SEED, Setup, run_arms, timed
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.compare import REPLICATES, best_device, finish, test_loader
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
    learned, *dense = editor_arms(editor)
    if not dense:
        kind = editor["type"]
        raise ValueError(
            f"routers are compared on an editor that routes tokens, and {kind!r} in {config} does "
            "not"
        )
    standard = standard_arms(editor)
    runs = run_arms(setup, standard, loader)
    # The other routers get as many tokens of each kind as the learned one takes.
    shares = _mean_shares(runs[learned.name])
    routed = router_arms(editor, shares)
    runs |= run_arms(setup, routed, loader)
    arms = standard + routed
    runs = timed(setup, arms, loader, runs)
    return finish(setup, runs, loader, replicates, SEED)


def _mean_shares(run: ArmRun) -> list[float]:
    """The mean share of the tokens at each exit, first to last."""
    routed = [image.tokens for image in run.images if image.tokens is not None]
    exits = list(routed[0])
    means = []
    for name in exits:
        total = 0.0
        for tokens in routed:
            total += tokens[name]
        means.append(total / len(routed))
    return means
