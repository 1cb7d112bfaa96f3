"""The base class of editors: what it counts for an editor that knows nothing of counting."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.analysis.flops import editor_costs
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.macs import count_macs, counting_macs
from mmisr.ops.patches import split, stitch
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo, Routers
from mmisr.structures.hints import ImageHints
from mmisr.structures.sr_result import RoutingMap, SRResult

TOKEN, CHANNELS, SCALE = 8, 4, 2
PIXELS = TOKEN * TOKEN
EXITS = [
    3 * 3 * SCALE**2 * 9 * PIXELS,
    (3 * CHANNELS + CHANNELS * 3 * SCALE**2) * 9 * PIXELS,
    (3 * CHANNELS + CHANNELS**2 + CHANNELS * 3 * SCALE**2) * 9 * PIXELS,
]
"""MACs per token of the branches below: 3x3 convolutions, weights times pixels."""

JUDGE = 3 * 2 * PIXELS
"""MACs per token of what routes: a 1x1 convolution from 3 channels to 2."""


def conv(cin: int, cout: int) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 3, padding=1)


class ThreeBranches(SREditor):
    """Every token through one of three networks, as ClassSR sends its patches; by brightness."""

    def __init__(self, adaptive: bool = True) -> None:
        super().__init__()
        last = 3 * SCALE**2
        self.branches = nn.ModuleList(
            [
                conv(3, last),
                nn.Sequential(conv(3, CHANNELS), conv(CHANNELS, last)),
                nn.Sequential(conv(3, CHANNELS), conv(CHANNELS, CHANNELS), conv(CHANNELS, last)),
            ]
        )
        self.judge = nn.Conv2d(3, 2, 1)
        self.adaptive = adaptive
        self.runs = 0

    @property
    def info(self) -> EditorInfo:
        routers = Routers(own="learned", cheapest="0", dense="2")
        return EditorInfo("three", SCALE, TOKEN, TOKEN, adaptive=self.adaptive, routers=routers)

    def route_by(self, router: str, budget: dict | None = None) -> None:
        self.router = router

    def _upscale(self, lr: Tensor, hints: object) -> SRResult:
        self.runs += 1
        h, w = lr.shape[-2:]
        tokens = split(lr, (TOKEN, TOKEN))
        self.judge(tokens)
        exits = (tokens.mean((1, 2, 3)) * 3).long().clamp(max=2)
        if self.router in ("0", "2"):
            exits = torch.full_like(exits, int(self.router))
        sr = tokens.new_zeros(len(tokens), 3, TOKEN * SCALE, TOKEN * SCALE)
        for number, branch in enumerate(self.branches):
            if (exits == number).any():
                sr[exits == number] = F.pixel_shuffle(branch(tokens[exits == number]), SCALE)
        grid = exits.view(len(lr), h // TOKEN, w // TOKEN)
        return SRResult(
            stitch(sr, (h * SCALE, w * SCALE)), RoutingMap(grid, TOKEN, ("a", "b", "c"))
        )


def picture(levels: list[list[float]]) -> Tensor:
    """(1, 3, rows*T, cols*T): a brightness per token."""
    grid = torch.tensor(levels)
    return grid.repeat_interleave(TOKEN, 0).repeat_interleave(TOKEN, 1).expand(1, 3, -1, -1)


@pytest.fixture
def routed() -> ThreeBranches:
    torch.manual_seed(0)
    return ThreeBranches().eval()


@pytest.mark.parametrize(
    ("levels", "counts"),
    [
        ([[0.1, 0.1], [0.1, 0.1]], (4, 0, 0)),
        ([[0.1, 0.5], [0.9, 0.9]], (1, 1, 2)),
        ([[0.9, 0.9], [0.9, 0.9]], (0, 0, 4)),
    ],
)
def test_a_routed_editor_is_charged_for_the_route_of_every_image(routed, levels, counts):
    """Images of one shape, so that nothing may be remembered by shape."""
    expected = sum(n * macs for n, macs in zip(counts, EXITS, strict=True)) + 4 * JUDGE
    assert routed.count_macs(picture(levels)) == expected


def test_images_of_a_batch_and_the_padding_add_up(routed):
    one, two = picture([[0.1, 0.9]]), picture([[0.5, 0.5]])
    both = routed.count_macs(torch.cat([one, two]))
    assert both == routed.count_macs(one) + routed.count_macs(two)
    assert routed.count_macs(one[..., :-3, :-5]) == routed.count_macs(one)


def test_another_router_costs_what_it_runs(routed):
    """As ``get_flops`` shows it: nothing of this editor is known to it."""
    costs = editor_costs(routed, picture([[0.1, 0.5], [0.9, 0.9]]))
    counts = [round(cost.gmacs * 1e9) for cost in costs]
    own = EXITS[0] + EXITS[1] + 2 * EXITS[2] + 4 * JUDGE
    assert counts == [own, 4 * (EXITS[0] + JUDGE), 4 * (EXITS[2] + JUDGE)]


def test_a_run_is_counted_while_it_is_used(routed):
    lr = picture([[0.1, 0.5], [0.9, 0.9]])
    with counting_macs() as count:
        result = routed.upscale(lr)
    assert count.macs == routed.count_macs(lr)
    assert torch.equal(result.image, routed.upscale(lr).image)
    assert result.image.requires_grad


def test_an_editor_without_routes_is_run_once_per_shape():
    editor = ThreeBranches(adaptive=False).eval()
    editor.route_by("2")
    lr = torch.rand(1, 3, 16, 24)
    first = editor.count_macs(lr)
    assert editor.count_macs(torch.rand_like(lr)) == first == 6 * (EXITS[2] + JUDGE)
    assert editor.runs == 1
    assert editor.count_macs(lr[..., :8]) == 2 * (EXITS[2] + JUDGE)
    assert editor.count_macs(torch.cat([lr, lr])) == 2 * first
    assert editor.runs == 3
    assert editor.count_macs(lr, [ImageHints()]) == first
    assert "macs" not in "".join(editor.state_dict())


@pytest.mark.parametrize(
    "config",
    [
        {"type": "mmisr.Resample", "scale": 4},
        {"type": "mmisr.InstanceSR", "size": "nano", "router": "random:0.4"},
    ],
)
def test_registered_editors_are_counted_as_their_run(config):
    editor = MODELS.build(config).eval()
    lr, hints = torch.rand(1, 3, 32, 40), [ImageHints(seed=3)]
    assert editor.count_macs(lr, hints) == count_macs(editor.upscale, lr, hints)


def test_what_cannot_be_upscaled_cannot_be_counted(routed):
    with pytest.raises(ValueError, match="hints must have one entry per image"):
        routed.count_macs(picture([[0.1]]), [])
