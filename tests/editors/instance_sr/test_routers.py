"""Every router behind the one interface, and the errors of each."""

import pytest
import torch

from mmisr.editors.instance_sr.labels import LabelRule
from mmisr.editors.instance_sr.router_config import build_router
from mmisr.editors.instance_sr.routers import RouteInput
from mmisr.structures.hints import Found, ImageHints

EVERY = [
    "learned",
    "oracle",
    "detector_prior",
    "edge",
    "fixed:0",
    "fixed:1",
    "random",
    "random:0.3",
    "all-hard",
]
BOXES = [torch.tensor([[0.0, 0, 6, 6]]), torch.tensor([[8.0, 8, 32, 32]])]


def logits_of(grid=(4, 5), seed=0):
    return torch.randn(2, 3, *grid, generator=torch.Generator().manual_seed(seed))


def hints_of(boxes, seeds) -> list[ImageHints]:
    return [
        ImageHints(boxes_lr=b, found=b if b is None else found_at(b), seed=s)
        for b, s in zip(boxes, seeds, strict=True)
    ]


def found_at(boxes: torch.Tensor) -> Found:
    return Found(boxes, torch.ones(len(boxes)), torch.zeros(len(boxes), dtype=torch.int64))


def given(grid=(4, 5), hints=None, lr=None, logits=None):
    calls = []

    def encode():
        calls.append(1)
        return (logits_of(grid) if logits is None else logits), torch.zeros(2, 4, *grid)

    if lr is None:
        lr = torch.rand(2, 3, grid[0] * 8, grid[1] * 8, generator=torch.Generator().manual_seed(1))
    route_input = RouteInput(lr, 8, hints or hints_of(BOXES, [7, 8]), encode)
    route_input.calls = calls
    return route_input


@pytest.mark.parametrize("name", EVERY)
def test_every_router_gives_an_exit_per_token(name):
    request = given()
    router = build_router(name)
    exits = router(request)
    assert exits.shape == (2, 4, 5)
    assert exits.dtype == torch.int64
    assert 0 <= exits.min() <= exits.max() <= 2
    assert bool(request.calls) == router.encodes, (
        "the encoder is charged where it runs, and only there"
    )
    assert len(request.calls) <= 1


@pytest.mark.parametrize("name", EVERY)
def test_an_image_is_routed_alike_in_any_batch(name):
    together = build_router(name)(given())
    alone = RouteInput(
        given().lr[1:],
        8,
        hints_of(BOXES[1:], [8]),
        lambda: (logits_of()[1:], torch.zeros(1, 4, 4, 5)),
    )
    assert torch.equal(build_router(name)(alone), together[1:])


def test_learned_takes_the_largest_logit():
    logits = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [3, 2.5, 0]]).T.reshape(1, 3, 2, 2)
    request = given((2, 2), logits=logits.expand(2, -1, -1, -1))
    assert build_router("learned")(request)[0].flatten().tolist() == [0, 1, 2, 0]
    assert build_router({"type": "learned", "bias": 0.6})(request)[0].flatten().tolist() == [
        0,
        1,
        2,
        1,
    ]
    assert build_router({"type": "learned", "bias": -9})(request)[0].flatten().tolist() == [
        0,
        0,
        0,
        0,
    ]


@pytest.mark.parametrize("name", ["oracle", "detector_prior"])
def test_routers_by_boxes_follow_the_label_rule(name):
    rule = LabelRule(small_side=30.0)
    expected = torch.stack([rule(b, (32, 40), 8) for b in BOXES])
    assert torch.equal(build_router(name, rule)(given()), expected)
    assert (expected[1] == 2).any(), "with the specification's rule it would be moderate"


def test_only_the_oracle_reads_annotations():
    rule = LabelRule(small_side=30.0)
    moved = [
        ImageHints(boxes_lr=b, found=found_at(b + 1000.0), seed=s)
        for b, s in zip(BOXES, (7, 8), strict=True)
    ]
    request = given(hints=moved)
    assert (build_router("oracle", rule)(request) > 0).any()
    assert (build_router("detector_prior", rule)(request) == 0).all()


@pytest.mark.parametrize(
    ("name", "way"), [("oracle", "annotated images"), ("detector_prior", "test_cfg=dict.prior")]
)
@pytest.mark.parametrize("hints", [None, [ImageHints(seed=1), ImageHints(seed=2)]])
def test_routers_by_boxes_say_when_there_are_none(name, way, hints):
    request = RouteInput(torch.rand(2, 3, 8, 8), 8, hints, lambda: None)
    with pytest.raises(
        ValueError, match=f"router '{name}' needs boxes in the lr frame and got none; .*{way}"
    ):
        build_router(name)(request)


def test_edge_finds_the_edge():
    lr = torch.zeros(2, 3, 32, 40)
    lr[:, :, 8:16, 20:] = 1.0
    exits = build_router({"type": "edge", "shares": (0.7, 0.15, 0.15)})(given(lr=lr))[0]
    assert (exits == 2).sum() == 3
    assert (exits == 1).sum() == 3
    assert exits[1, 2] == 2, "the tokens with a corner of the bright area"
    assert (exits[3] == 0).all()


@pytest.mark.parametrize("name", ["edge", "random"])
def test_the_histogram_is_that_of_the_learned_router_unless_given(name):
    learned, other = build_router("learned")(given()), build_router(name)(given())
    for image in range(2):
        assert torch.equal(
            other[image].flatten().bincount(minlength=3),
            learned[image].flatten().bincount(minlength=3),
        )
    assert not torch.equal(other, learned)


def test_random_depends_on_the_seed_alone():
    router = build_router("random:0.5")
    first = router(given(hints=hints_of([None, None], [7, 8])))
    assert torch.equal(first, router(given(hints=hints_of([None, None], [7, 8]))))
    assert torch.equal(first.flip(0), router(given(hints=hints_of([None, None], [8, 7]))))
    assert not torch.equal(first, router(given(hints=hints_of([None, None], [9, 10]))))
    assert (first == 2).flatten(1).sum(1).tolist() == [10, 10]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_fixed(number):
    assert (build_router(f"fixed:{number}")(given()) == number).all()
    assert (build_router({"type": "fixed", "exit": number})(given()) == number).all()


@pytest.mark.parametrize(
    ("config", "error", "text"),
    [
        (
            "oracel",
            ValueError,
            "router must be one of .*'all-hard', 'detector_prior'.*got 'oracel'",
        ),
        ({"bias": 1}, ValueError, "router must be one of"),
        ("fixed:3", ValueError, "needs exit 0 .easy., 1 .moderate. or 2 .hard., got 3"),
        (
            "fixed:x",
            ValueError,
            "'fixed' cannot take 'x' after a colon; 'fixed:2' and 'random:0.3' can",
        ),
        ("learned:2", ValueError, "'learned' cannot take '2' after a colon"),
        ("fixed", TypeError, "router 'fixed' was given .*exit"),
        ("random:1.5", ValueError, "3 numbers >= 0.* sum to 1"),
        ({"type": "edge", "shares": (0.5, 0.5)}, ValueError, "3 numbers"),
        ({"type": "learned", "biass": 1}, TypeError, "router 'learned' was given .'biass'.*biass"),
    ],
)
def test_bad_configs_are_named(config, error, text):
    with pytest.raises(error, match=text):
        build_router(config)
