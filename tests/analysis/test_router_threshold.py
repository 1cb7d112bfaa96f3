"""A threshold reaches the share of the training objects that it was chosen for, and no more."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmisr.analysis.router_threshold import Scores, at_centres, thresholds_for
from mmisr.apis import router_threshold as api
from mmisr.apis.router_threshold import router_threshold

ROOT = Path(__file__).parents[2]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
PLAIN = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
NO_BOXES = torch.zeros((0, 4))


def scores_of_objects(objects: torch.Tensor, tokens: torch.Tensor) -> Scores:
    return Scores(objects, tokens, sides=torch.full_like(objects, 4.0), token=8)


@pytest.mark.parametrize(
    ("xyxy", "expected"),
    [
        (NO_BOXES, []),
        (torch.tensor([[0.0, 0.0, 2.0, 2.0]]), [0.0]),
        (torch.tensor([[7.0, 7.0, 9.0, 9.0]]), [4.0]),  # a centre on a border is the next token's
        (torch.tensor([[20.0, 12.0, 28.0, 20.0]]), [5.0]),  # beyond the frame: the last token
    ],
)
def test_centres(xyxy, expected):
    scores = torch.arange(6.0).reshape(2, 3)
    assert at_centres(scores, xyxy, 8).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=60, unique=True),
    st.sampled_from([0.5, 0.9, 0.95, 0.995, 1.0]),
)
@example(list(range(10)), 0.9)  # nine of ten, which float32 rounds down
def test_as_few_objects_as_the_recall_needs(values, recall):
    objects = torch.tensor(values) / 10.0
    scores = scores_of_objects(objects, torch.linspace(-5, 5, 101))
    (row,) = thresholds_for([recall], scores, scores).thresholds
    assert row.reached >= recall
    assert row.reached - 1 / len(values) < recall + 1e-9, "one object more than needed"
    assert row.test_reached == row.reached
    assert row.share == pytest.approx(
        (scores.tokens + row.bias > 0).float().mean().item(), abs=1e-6
    )


@pytest.mark.parametrize(("margin", "large"), [(0, 0.75), (4, 0.5), (8, 0.0)])
def test_objects_larger_than_a_token_with_its_margins(margin, large):
    sides = torch.tensor([8.0, 9.0, 17.0, 24.0])
    scores = Scores(torch.zeros(4), torch.zeros(1), sides, token=8)
    result = thresholds_for([1.0], scores, scores, margin)
    assert result.window == 8 + 2 * margin
    assert result.large == large


@pytest.mark.parametrize("recall", [0.0, -0.1, 1.1])
def test_a_recall_is_a_share(recall):
    scores = scores_of_objects(torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match=f"a recall is a share in .*got {recall}"):
        thresholds_for([recall], scores, scores)


@pytest.fixture
def options(tree_crowns, monkeypatch):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    return {
        "train_dataloader.dataset.dataset.data_root": f"{tree_crowns}/",
        "test_dataloader.dataset.data_root": f"{tree_crowns}/",
        "test_dataloader.num_workers": 0,
        "test_dataloader.persistent_workers": False,
    }


def test_on_real_trees(options, tmp_path):
    path = tmp_path / "thresholds.json"
    result = router_threshold(CONFIG, recalls=(0.5, 0.99), out=str(path), cfg_options=options)
    content = json.loads(path.read_text())
    assert content["objects"] == result.objects > 500
    low, high = result.thresholds
    assert low.reached == pytest.approx(0.5, abs=0.002)
    assert high.reached == pytest.approx(0.99, abs=0.002)
    assert low.bias < high.bias
    assert low.share < high.share
    assert 0 < low.test_share < high.test_share <= 1
    assert content["large"] == result.large > 0


def test_windows_say_how_many_objects_are_larger(options, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(api, "print_log", lambda text, **keys: said.append(text))
    options["model.test_cfg"] = {"windows": {"margin": 4}}
    path = str(tmp_path / "thresholds.json")
    result = router_threshold(CONFIG, recalls=(0.99,), out=path, cfg_options=options)
    assert result.window == 16
    share = f"{100 * result.large:.1f} % of the {result.objects} training objects"
    (text,) = said
    assert text.startswith(f"{share} are larger than the window")
    assert "overview=dict(min_side=16)" in text


@pytest.mark.parametrize(
    ("config", "override", "message"),
    [
        (CONFIG, {"model.editor.router": "all-hard"}, "ranks no tokens.*set router='learned'"),
        (PLAIN, {}, "'bicubic' routes no tokens"),
    ],
)
def test_what_ranks_nothing_is_named(options, config, override, message):
    with pytest.raises(ValueError, match=message):
        router_threshold(config, cfg_options={**options, **override})
