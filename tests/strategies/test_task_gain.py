"""A router that learns where depth serves the detector."""

import copy

import pytest
import steps
import torch

from mmisr.ops.tokens import spread
from mmisr.pipeline.strategy import in_phase
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import MODELS, STRATEGIES
from mmisr.strategies.task_gain.gain import Extremes, exits_by_gain, extremes, token_gains

fixtures = steps.fixtures
pytestmark = pytest.mark.usefixtures("one_thread")


def seen_by(model) -> TrainingBatch:
    data = model.data_preprocessor(steps.batch(0, 2), True)
    return TrainingBatch(model, data["inputs"], data["data_samples"], "strategy TaskGain")


@pytest.fixture
def model():
    """A pair whose exits differ: fresh ones all add next to nothing."""
    pair = steps.pair("TaskGain")
    torch.manual_seed(3)
    for conv in pair.editor.net.decoder.exits:
        torch.nn.init.normal_(conv.weight, std=0.05)
    return pair


def test_extremes_are_the_first_exit_and_the_last_everywhere(model):
    seen = seen_by(model)
    images = extremes(seen)
    exits = model.editor.net.decoder.all_exits(torch.stack(list(seen.lr)))
    torch.testing.assert_close(torch.stack(list(images.cheapest)), exits[0])
    torch.testing.assert_close(torch.stack(list(images.deepest)), exits[2])
    assert images.token == 16


def test_the_routers_of_the_pair_is_as_before(model):
    before = model.editor.router
    extremes(seen_by(model))
    assert model.editor.router is before


def loss_at(model, seen, images) -> float:
    with torch.no_grad():
        total, _ = model.parse_losses(seen.detection_losses(images))
    return float(total) * len(images)


def test_gains_predict_what_the_loss_saves(model):
    """All tokens a little deeper: the loss falls by the sum of the gains."""
    seen = seen_by(model)
    with in_phase(model, model.strategy.phases[0]):
        whole = extremes(seen)
        step = 1e-3
        near = [(a + b) / 2 for a, b in zip(whole.cheapest, whole.deepest, strict=True)]
        moves = [b - a for a, b in zip(whole.cheapest, whole.deepest, strict=True)]
        below = [m - step / 2 * d for m, d in zip(near, moves, strict=True)]
        above = [m + step / 2 * d for m, d in zip(near, moves, strict=True)]
        gains = token_gains(seen, Extremes(below, above, whole.token))
        saved = loss_at(model, seen, below) - loss_at(model, seen, above)
    assert sum(float(gain.sum()) for gain in gains) == pytest.approx(saved, rel=0.05)


def test_a_token_that_is_alike_in_both_gains_nothing(model):
    seen = seen_by(model)
    images = extremes(seen)
    same = torch.zeros(1, 4, 6, dtype=torch.bool)
    same[0, 1, 2] = True
    pixels = spread(same, images.token)[0]
    deepest = [
        torch.where(pixels, a, b) for a, b in zip(images.cheapest, images.deepest, strict=True)
    ]
    with in_phase(model, model.strategy.phases[0]):
        gains = token_gains(seen, Extremes(images.cheapest, deepest, images.token))
    assert [float(gain[1, 2]) for gain in gains] == [0, 0]
    assert all(int((gain != 0).sum()) == 23 for gain in gains)


def test_a_gain_does_not_depend_on_how_often_its_image_comes(model):
    seen = seen_by(model)
    one = TrainingBatch(model, seen.lr[:1], seen.samples[:1], "this test")
    twice = TrainingBatch(model, [*seen.lr[:1]] * 2, [*seen.samples[:1]] * 2, "this test")
    with in_phase(model, model.strategy.phases[0]):
        (alone,) = token_gains(one, extremes(one))
        both = token_gains(twice, extremes(twice))
    for gain in both:
        torch.testing.assert_close(gain, alone, rtol=1e-3, atol=1e-7)


def test_what_hurts_leaves_by_the_first_exit():
    gains = torch.tensor([[-5.0, 0.0], [1.0, 3.0]])
    assert exits_by_gain(gains, (0.5, 2.0)).tolist() == [[0, 0], [1, 2]]


def test_the_encoder_alone_moves(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train_step(steps.batch(0, 2), steps.optimizers(model))
    moved = [n for n, v in model.state_dict().items() if not torch.equal(v, before[n])]
    assert moved
    assert all(name.startswith("editor.net.encoder.") for name in moved)


def test_the_router_learns_the_labels(model):
    """On one batch: what it routes deep becomes what gains."""
    batch = steps.batch(0, 2)
    seen = seen_by(model)
    with in_phase(model, model.strategy.phases[0]):
        gains = torch.stack(model.strategy.gains(seen))
    model.strategy.thresholds = [float(gains[gains > 0].median()), 1e9]
    right = exits_by_gain(gains, model.strategy.thresholds)
    assert 0 < int((right > 0).sum()) < right.numel()
    optimiser = torch.optim.Adam(model.editor.net.encoder.parameters(), lr=3e-3)
    for _ in range(60):
        data = model.data_preprocessor(copy.deepcopy(batch), True)
        with in_phase(model, model.strategy.phases[0]):
            total, _ = model.parse_losses(model(**data, mode="loss"))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    logits, _ = model.editor.net.encoder(torch.stack(list(seen.lr)))
    routed = logits.argmax(1) > 0
    agree = (routed == (right > 0)).float().mean()
    assert float(agree) > 0.85


@pytest.mark.parametrize(
    ("thresholds", "text"),
    [
        ([], "thresholds must be above 0 and ascending"),
        ([0.0, 1.0], "thresholds must be above 0 and ascending"),
        ([2.0, 1.0], "thresholds must be above 0 and ascending"),
    ],
)
def test_wrong_thresholds_are_named(thresholds, text):
    with pytest.raises(ValueError, match=text):
        STRATEGIES.build({"type": "TaskGain", "thresholds": thresholds})


@pytest.mark.parametrize(
    ("editor", "thresholds", "text"),
    [
        (steps.EDITOR, [1.0], "needs an editor that routes tokens"),
        (steps.ROUTED, [1.0], "has 3 exits and needs 2 thresholds"),
    ],
)
def test_pairs_that_it_cannot_teach_are_named(editor, thresholds, text):
    config = {
        "type": "mmisr.SRDetector",
        "editor": editor,
        "detector": fixtures.small_detector(),
        "strategy": {"type": "TaskGain", "thresholds": thresholds},
    }
    with pytest.raises(ValueError, match=text):
        MODELS.build(config)
