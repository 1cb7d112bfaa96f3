"""What ``tools/grid.py`` does: train a table of configs with several seeds, and compare them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.meta import comparison_meta
from mmisr.analysis.comparison.resample import Sampled, Settings, resample
from mmisr.analysis.comparison.result import ArmRun
from mmisr.analysis.comparison.run import SEED, Setup, metric_of, run_arms, settings_of, timed
from mmisr.analysis.grid.result import Grid, Row
from mmisr.analysis.grid.seeds import figures_of, gains_of, seed_weights
from mmisr.analysis.grid.training import Launch, Run, has_key, run_key, train_runs, with_rows
from mmisr.apis.checks.data import inner_dataset, test_pipeline
from mmisr.apis.compare import REPLICATES, best_device, test_loader
from mmisr.apis.configs import read_config
from mmisr.degradation.transform import FeedHR
from mmisr.ops.files import write_text
from mmisr.registry import TRANSFORMS, find
from mmisr.reports.grid import markdown_grid, plot_grid


def grid(
    configs: Sequence[str | Path],
    seeds: Sequence[int] = (0, 1, 2),
    out: str | Path = "work_dirs/grid",
    baseline: str | None = None,
    links: Mapping[str, str] | None = None,
    launch: Launch | None = None,
    device: str | None = None,
    replicates: int = REPLICATES,
) -> Grid:
    """Train every config with every seed, and compare the rows on one data set.

    A run that is interrupted goes on from its last checkpoint, one that is done is not trained
    again while its config, the files that it names and its seed stay the same.

    Args:
        configs: Configs of pairs that can be trained, all with the same test data; one may feed its
            detector the HR images (``mmisr.FeedHR``). A row is called as its file.
        seeds: Of every row; run k of each has the same one, and they are compared in pairs.
        out: Folder for runs and results.
        baseline: Row that the others are compared with; the first by default.
        links: Row by dotted key of a config (``model.strategy.teacher``, say): the value becomes
            the checkpoint of that row's run with the same seed. Configs without the key are left
            as they are. A row that teaches must be ahead of the baseline.
        launch: How runs are started; one process each by default.
        device: Where rows are tested; a GPU where there is one by default.
        replicates: How often images and seeds are drawn anew for the intervals.

    Returns:
        The grid; ``grid.json``, ``grid.md`` and ``grid.png`` hold it.

    Raises:
        ValueError: Two configs have one name, there is no such row, rows are tested on different
            data, links go in a circle, or a row that others learn from is not ahead of the
            baseline.
        RuntimeError: A run failed.
    """
    paths = _by_name(configs)
    baseline = baseline or next(iter(paths))
    links = dict(links or {})
    unknown = sorted({baseline, *links.values()} - set(paths))
    if unknown:
        raise ValueError(f"grid has no row {', '.join(unknown)}; rows: {', '.join(paths)}")
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"grid needs seeds, each once, got {list(seeds)}")
    plan = _Plan(
        paths=paths,
        configs={name: read_config(path) for name, path in paths.items()},
        seeds=list(seeds),
        baseline=baseline,
        links=links,
        launch=launch or Launch(),
        folder=Path(out),
        device=device or best_device(),
    )
    _check_same_data(plan.configs)
    runs = _train(plan)
    result = _compare(plan, runs, replicates)
    write(result, plan.folder)
    return result


@dataclass(frozen=True)
class _Plan:
    """What is trained and compared; fields as the arguments of :func:`grid`.

    ``configs`` are read once, and copied before a run changes one.
    """

    paths: dict[str, Path]
    configs: dict[str, Config]
    seeds: list[int]
    baseline: str
    links: dict[str, str]
    launch: Launch
    folder: Path
    device: str

    def setup(self) -> Setup:
        """What rows are tested on: their own data, as a row reads it that is fed LR images."""
        configs = list(self.configs.values())
        fed_lr = [cfg for cfg in configs if not feeds_hr(cfg)]
        first = fed_lr[0] if fed_lr else configs[0]
        return Setup(first, self.folder / "compare", None, self.device, pictures=False)


def feeds_hr(cfg: Config) -> bool:
    """Whether a config's model sees the HR images themselves."""
    return any(_is_feed(step) for step in test_pipeline(cfg))


def _is_feed(step: Mapping[str, Any]) -> bool:
    return find(TRANSFORMS, step["type"]) is FeedHR


def _check_same_data(configs: Mapping[str, Config]) -> None:
    """See that all rows are tested on the same images, made small in the same way.

    Raises:
        ValueError: Two are not; the message has both.
    """
    first, *others = configs
    expected = _test_data(configs[first])
    for name in others:
        data = _test_data(configs[name])
        if data != expected:
            raise ValueError(
                f"rows are compared on the same LR pixels, and {first} and {name} are tested on "
                f"other data or other steps:\n{expected}\n{data}"
            )


def _test_data(cfg: Config) -> str:
    """A config's test data set and its steps, but for the one that feeds HR."""
    dataset = copy.deepcopy(inner_dataset(cfg).to_dict())
    dataset["pipeline"] = [step for step in dataset["pipeline"] if not _is_feed(step)]
    return json.dumps(dataset, default=str, sort_keys=True)


def _by_name(configs: Sequence[str | Path]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for config in configs:
        path = Path(config)
        if path.stem in paths:
            raise ValueError(
                f"rows are called as their files, and two are {path.stem}: {paths[path.stem]}, "
                f"{path}; rename one"
            )
        paths[path.stem] = path
    if not paths:
        raise ValueError("grid needs at least one config")
    return paths


def _in_order(plan: _Plan) -> TopologicalSorter[str]:
    """Rows that others learn from first; and with the baseline before all that learn from them.

    Raises:
        ValueError: Rows learn from each other in a circle.
    """
    teachers = set(plan.links.values())
    first = {*teachers, plan.baseline} if teachers else set()
    order: TopologicalSorter[str] = TopologicalSorter()
    for name, cfg in plan.configs.items():
        sources = set()
        for key, row in plan.links.items():
            if has_key(cfg, key):
                sources.add(row)
        if name not in first:
            sources |= first
        order.add(name, *sources)
    try:
        order.prepare()
    except CycleError as error:
        raise ValueError(f"rows learn from each other in a circle: {error.args[1]}") from error
    return order


def _train(plan: _Plan) -> list[Run]:
    """Train what is not trained yet; teachers are tried before anybody learns from them."""
    runs: list[Run] = []
    teachers = set(plan.links.values())
    order = _in_order(plan)
    total = len(plan.configs) * len(plan.seeds)
    with tqdm(total=total, desc="training", unit="run") as bar:
        while order.is_active():
            rows = order.get_ready()
            new = _trained(plan, rows, runs, bar)
            runs.extend(new)
            order.done(*rows)
            trained = {run.row for run in runs}
            needed = teachers | {plan.baseline}
            if teachers and needed <= trained:
                others = teachers - {plan.baseline}
                _check_teachers(plan, others, runs)
                teachers = set()
    return runs


def _trained(plan: _Plan, rows: Sequence[str], before: Sequence[Run], bar: tqdm) -> list[Run]:
    """The runs of some rows that do not need each other, trained to their end.

    Seed by seed, so that what can be compared first is there first.
    """
    jobs = []
    for seed in plan.seeds:
        for name in rows:
            cfg = copy.deepcopy(plan.configs[name])
            cfg.merge_from_dict({"randomness.seed": seed})
            with_rows(cfg, plan.links, before, seed)
            key = run_key(cfg, seed, plan.launch)
            folder = plan.folder / "runs" / name / f"seed_{seed}-{key}"
            run = Run(name, seed, folder)
            job = (run, cfg)
            jobs.append(job)
    train_runs(jobs, plan.launch, bar.update)
    return [run for run, _ in jobs]


def _check_teachers(plan: _Plan, teachers: set[str], runs: Sequence[Run]) -> None:
    """See that rows that others learn from are ahead of the baseline.

    Raises:
        ValueError: One is not; the message has both figures.
    """
    rows = {*teachers, plan.baseline}
    tried = [run for run in runs if run.row in rows]
    figures = _test(plan, tried, replicates=1).figures
    aps = {}
    for name in rows:
        means, _ = figures_of(figures[name])
        aps[name] = means["AP"]
    floor = aps[plan.baseline]
    for name in sorted(teachers):
        ap = aps[name]
        if ap <= floor:
            raise ValueError(
                f"{name} is to teach, and has AP {ap:.3f} where {plan.baseline} has {floor:.3f}, "
                f"mean over seeds {plan.seeds}: a teacher that is not ahead pulls its students "
                "down. Train it as long as they are, or choose data with room"
            )


@dataclass(frozen=True)
class _Tested:
    """Runs as arms, by ``ROW-seed_K``, and the figures of each row, one entry per seed."""

    setup: Setup
    loader: DataLoader
    settings: Settings
    arms: dict[str, ArmRun]
    figures: dict[str, list[dict[str, Sampled]]]


def _test(plan: _Plan, runs: Sequence[Run], replicates: int) -> _Tested:
    """Test runs on the data of the rows; what was tested before is read."""
    setup = plan.setup()
    loader = test_loader(setup.cfg)
    settings = settings_of(metric_of(setup.cfg), loader, replicates, SEED)
    tested = _tested(plan, runs, setup, loader)
    figures = _figures(plan, tested, settings)
    return _Tested(setup, loader, settings, tested, figures)


def _tested(
    plan: _Plan, runs: Sequence[Run], setup: Setup, loader: DataLoader
) -> dict[str, ArmRun]:
    """Every run as an arm, by ``ROW-seed_K``; row by row, so that few models are held at once."""
    results: dict[str, ArmRun] = {}
    for name in plan.paths:
        arms = [_arm(plan, run) for run in runs if run.row == name]
        if arms:
            results |= run_arms(setup, arms, loader)
    return results


def _arm(plan: _Plan, run: Run) -> Arm:
    cfg = plan.configs[run.row]
    checkpoint = str(run.checkpoint)
    return Arm(
        name=arm_name(run.row, run.seed),
        editor=cfg.model.editor.to_dict(),
        feed="hr" if feeds_hr(cfg) else "lr",
        handoff=dict(cfg.model.get("handoff") or {}),
        detector=cfg.model.detector.to_dict(),
        checkpoints={"editor": checkpoint, "detector": checkpoint},
    )


def arm_name(row: str, seed: int) -> str:
    """What a run is called in the folder ``compare``."""
    return f"{row}-seed_{seed}"


def _figures(
    plan: _Plan, tested: Mapping[str, ArmRun], settings: Settings
) -> dict[str, list[dict[str, Sampled]]]:
    """The figures of every row that was tested, one entry per seed."""
    sampled = resample(tested, settings)
    figures = {}
    for name in plan.paths:
        names = [arm_name(name, seed) for seed in plan.seeds]
        if names[0] in sampled:
            figures[name] = [sampled[arm] for arm in names]
    return figures


def _compare(plan: _Plan, runs: Sequence[Run], replicates: int) -> Grid:
    """Test every run, and compare the rows."""
    test = _test(plan, runs, replicates)
    figures = test.figures
    arms = [_arm(plan, run) for run in runs if run.seed == plan.seeds[0]]
    first_runs = {arm.name: test.arms[arm.name] for arm in arms}
    with_times = timed(test.setup, arms, test.loader, first_runs)
    weights = seed_weights(len(plan.seeds), replicates, SEED)
    rows = []
    for name, path in plan.paths.items():
        means, spreads = figures_of(figures[name])
        gains = {}
        if name != plan.baseline:
            gains = gains_of(figures[name], figures[plan.baseline], weights)
        first = with_times[arm_name(name, plan.seeds[0])]
        minutes = [run.minutes for run in runs if run.row == name]
        row = Row(
            name=name,
            config=str(path),
            figures=means,
            spread=spreads,
            gains=gains,
            minutes=sum(minutes) / len(minutes),
            macs=sum(first.macs.values()),
            ms=sum(first.ms.values()),
        )
        rows.append(row)
    meta = comparison_meta(test.setup, test.arms, test.loader, test.settings)
    return Grid(rows, plan.baseline, plan.seeds, _ceiling(plan), asdict(meta))


def _ceiling(plan: _Plan) -> str | None:
    """The one row whose detector is fed HR, beside the baseline."""
    fed_hr = [name for name, cfg in plan.configs.items() if feeds_hr(cfg)]
    is_one = len(fed_hr) == 1 and fed_hr[0] != plan.baseline
    return fed_hr[0] if is_one else None


def write(result: Grid, folder: Path) -> None:
    """Write ``grid.json``, ``grid.md`` and ``grid.png``."""
    content = json.dumps(result.to_json(), indent=2, allow_nan=False)
    write_text(folder / "grid.json", content + "\n")
    write_text(folder / "grid.md", markdown_grid(result) + "\n")
    plot_grid(result, folder / "grid.png")
