"""What every SR editor promises, checked on all that are registered.

A new editor needs an entry in ``KINDS``; without one,
``test_every_registered_editor_is_held_to_its_promises`` names it.
"""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper
from skimage import data
from torch import Tensor

from mmisr.editors.stdo.model_file import ClipModel, half
from mmisr.editors.stdo.net import WDSR
from mmisr.openmmlab.editor import MagicDataSample, SREditor
from mmisr.ops.resample import MODES
from mmisr.registry import MODELS
from mmisr.structures.hints import BatchHints, Found, ImageHints

SIZES_HW = [(1, 1), (2, 3), (7, 5), (13, 21), (33, 17)]
"""Odd sizes, and sizes below a token (8 pixels) or a window."""

RGB = {"in_channels": 3, "out_channels": 3, "mid_channels": 8}
NETWORKS = {
    "EDSRNet": ((2, 3, 4), 1, lambda s: {**RGB, "num_blocks": 1, "upscale_factor": s}),
    "MSRResNet": ((2, 3, 4), 1, lambda s: {**RGB, "num_blocks": 1, "upscale_factor": s}),
    "RRDBNet": (
        (2, 4),
        {2: 2},
        lambda s: {**RGB, "num_blocks": 1, "growth_channels": 4, "upscale_factor": s},
    ),
    "SwinIRNet": (
        (2, 3, 4),
        8,
        lambda s: {
            "upscale": s,
            "in_chans": 3,
            "img_size": 16,
            "window_size": 8,
            "img_range": 1.0,
            "depths": [1],
            "embed_dim": 12,
            "num_heads": [2],
            "mlp_ratio": 2,
            "upsampler": "pixelshuffledirect",
        },
    ),
}
"""Network of mmagic's: its factors, what sizes must be multiples of (by factor), its arguments."""


@dataclass(frozen=True)
class Case:
    """One editor: its config, and what its ``info`` must say."""

    config: dict
    name: str
    scale: int
    multiple_of: int = 1
    trainable: bool = True
    adaptive: bool = False
    weights: Callable[[Path], object] | None = None
    """Writes the checkpoint that the config names, for editors that cannot do without."""

    def build(self, folder: Path, **changes: object) -> SREditor:
        config = {**self.config, **changes}
        if self.weights is not None:
            config["checkpoint"] = str(folder / config["checkpoint"])
            self.weights(Path(config["checkpoint"]))
        torch.manual_seed(0)
        return MODELS.build(config)


def resamplers() -> Iterator[Case]:
    yield Case({"type": "mmisr.Resample", "scale": 1}, "identity", 1, trainable=False)
    for scale in (2, 3, 4):
        for mode in MODES:
            yield Case(
                {"type": "mmisr.Resample", "scale": scale, "mode": mode},
                mode,
                scale,
                trainable=False,
            )


def networks() -> Iterator[Case]:
    for name, (scales, multiple, arguments) in NETWORKS.items():
        for scale in scales:
            generator = {"type": f"mmagic.{name}", **arguments(scale)}
            of = multiple.get(scale, 1) if isinstance(multiple, dict) else multiple
            yield Case(
                {"type": "mmisr.PlainSR", "scale": scale, "generator": generator}, name, scale, of
            )


def instance_sr() -> Iterator[Case]:
    between = {"type": "learned", "bias": -0.7}  # random weights send every token deep without it
    for scale, router in (
        (2, "learned"),
        (3, "learned"),
        (4, between),
        (4, "random:0.4"),
        (4, "oracle"),
    ):
        config = {"type": "mmisr.InstanceSR", "scale": scale, "size": "nano", "router": router}
        yield Case(config, "instance_sr_nano", scale, 8, adaptive=True)


def spandrel() -> Iterator[Case]:
    if importlib.util.find_spec("spandrel") is None:
        return

    def compact(scale: int) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

            torch.manual_seed(0)
            torch.save(SRVGGNetCompact(num_feat=8, num_conv=2, upscale=scale).state_dict(), path)

        return write

    def esrgan(path: Path) -> None:
        from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

        torch.manual_seed(0)
        torch.save(
            RRDBNet(in_nc=12, num_filters=8, num_blocks=2, scale=4, shuffle_factor=2).state_dict(),
            path,
        )

    for scale in (2, 3, 4):
        config = {"type": "mmisr.SpandrelSR", "scale": scale, "checkpoint": "compact.pth"}
        yield Case(config, "compact", scale, weights=compact(scale))
    yield Case(
        {"type": "mmisr.SpandrelSR", "scale": 2, "checkpoint": "esrgan.pth"},
        "esrgan",
        2,
        4,
        weights=esrgan,
    )


def instance_router() -> Iterator[Case]:
    yield Case({"type": "mmisr.InstanceRouter"}, "instance_router", 1, 8)


def classsr() -> Iterator[Case]:
    tiles = {"size": 8, "stride": 6}  # several tiles in small images
    half = {"type": "learned", "budget": {"hard_share": 0.5}}
    for scale, router in ((2, half), (3, "random"), (4, "edge"), (4, "oracle")):
        if router in ("random", "edge"):
            router = {"type": router, "shares": (0.5, 0.25, 0.25)}
        branches = [
            {"type": "mmisr.ResidualSR", "channels": width, "scale": scale, "units": 1}
            for width in (4, 6, 8)
        ]
        config = {"type": "mmisr.ClassSR", "scale": scale, "branches": branches}
        config |= {"router": router, "tiles": tiles}
        yield Case(config, "classsr_residualsr", scale, adaptive=True)


def cajnn() -> Iterator[Case]:
    size = {"channels": 6, "growth": 3, "blocks": 1}
    for scale, weight in ((1, 0), (2, 0), (4, 0), (4, 1.0), (8, 0)):
        config = {"type": "mmisr.CAJNN", "scale": scale, "size": size, "lr_weight": weight}
        yield Case(config, "cajnn", scale)


def chain() -> Iterator[Case]:
    size = {"channels": 6, "growth": 3, "blocks": 1}
    for first, second in ((1, 4), (2, 2)):
        parts = [{"type": "mmisr.CAJNN", "scale": scale, "size": size} for scale in (first, second)]
        config = {"type": "mmisr.EditorChain", "scale": first * second, "editors": parts}
        yield Case(config, "cajnn+cajnn", first * second)


def path_restore() -> Iterator[Case]:
    size = {"channels": 6, "blocks": 3, "paths": 2}
    tiling = {"size": 8, "stride": 6}  # several patches in small images
    for scale, router in (
        (1, {"type": "policy", "budget": {"hard_share": 0.4}}),
        (1, "random:0.4"),
        (2, "random:0.5"),
        (4, {"type": "policy", "budget": {"hard_share": 0.4}}),
    ):
        config = {"type": "mmisr.PathRestore", "scale": scale, "size": size}
        config |= {"router": router, "tiling": tiling}
        yield Case(config, "path_restore", scale, adaptive=True)


def sftgan() -> Iterator[Case]:
    size = {"channels": 6, "blocks": 2, "conditions": 4, "hidden": 5}
    for scale, prior, skip in ((2, "none", True), (4, "oracle", False), (8, "oracle", True)):
        config = {"type": "mmisr.SFTGAN", "scale": scale, "prior": prior}
        config["size"] = size | {"skip": skip}
        yield Case(config, f"sftgan_{prior}", scale)


def instance_modulation() -> Iterator[Case]:
    size = {"channels": 6, "groups": 2, "conditions": 5}
    for scale, prior in ((2, "found"), (3, "none"), (4, "found"), (4, "oracle"), (8, "none")):
        config = {"type": "mmisr.InstanceModulation", "scale": scale, "size": size}
        config |= {"steps": 2, "prior": prior}
        yield Case(config, "instance_modulation", scale)


def stdo() -> Iterator[Case]:
    def networks(scale: int, count: int) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            torch.manual_seed(0)
            sizes = {"scale": scale, "blocks": 1, "width": 6}
            weights = [half(WDSR(folded=True, **sizes).state_dict()) for _ in range(count)]
            ClipModel(
                clip="c" * 64,
                scale=scale,
                grid=(2, 2),
                lr_hw=(8, 8),
                sizes=[sizes] * count,
                parts=[1] * count,
                chunks=torch.zeros(1, 4, dtype=torch.uint8),
                weights=weights,
                name="clip.mkv",
                thumbnails=torch.zeros(1, 16, dtype=torch.uint8),
            ).write(path)

        return write

    for scale, count in ((2, 1), (3, 2), (4, 2)):
        config = {"type": "mmisr.STDO", "checkpoint": "clip.pth", "router": "hardest"}
        yield Case(config, "stdo", scale, weights=networks(scale, count))


KINDS = {
    "Resample": resamplers,
    "InstanceModulation": instance_modulation,
    "InstanceRouter": instance_router,
    "CAJNN": cajnn,
    "EditorChain": chain,
    "ClassSR": classsr,
    "PathRestore": path_restore,
    "SFTGAN": sftgan,
    "PlainSR": networks,
    "InstanceSR": instance_sr,
    "SpandrelSR": spandrel,
    "STDO": stdo,
}
"""Class name of every registered editor: the cases that stand for it."""

CASES = [case for kind in KINDS.values() for case in kind()]


def name_of(case: Case) -> str:
    router = case.config.get("router", "")
    router = f"-{router['type'] if isinstance(router, dict) else router}" if router else ""
    return f"{case.config['type'].partition('.')[2]}-{case.name}-x{case.scale}{router}"


each = pytest.mark.parametrize("case", CASES, ids=name_of)


def registered() -> list[str]:
    MODELS.import_from_location()
    kinds = {
        cls
        for cls in MODELS.module_dict.values()
        if isinstance(cls, type) and issubclass(cls, SREditor)
    }
    return sorted(cls.__name__ for cls in kinds - {SREditor})


def pictures(count: int = 3, hw: tuple[int, int] = (19, 27)) -> Tensor:
    """(count, 3, h, w) RGB in [0, 1].

    Different places of one photo, with black and white among them.
    """
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    h, w = hw
    batch = torch.stack(
        [
            photo[:, 90 + 40 * n : 90 + 40 * n + h, 170 + 30 * n : 170 + 30 * n + w]
            for n in range(count)
        ]
    )
    batch[..., 0, 0], batch[..., -1, -1] = 0, 1
    return batch


def hints(count: int = 3) -> list[ImageHints]:
    """Hints for :func:`pictures`, different for each."""
    boxes = [torch.tensor([[2.0 + 5 * n, 1.0, 12.0 + 5 * n, 9.0]]) for n in range(count)]
    scores = torch.tensor([0.7])
    labels = torch.tensor([0])
    return [
        ImageHints(b, labels, found=Found(b, scores, labels), seed=11 * n)
        for n, b in enumerate(boxes)
    ]


@torch.no_grad()
def loud(editor: SREditor) -> SREditor:
    """Fresh weights of a last layer are near zero.

    That would hide what goes wrong before it, and the clamp.
    """
    for parameter in editor.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    return editor


def upscale(editor: SREditor, lr: Tensor, given: BatchHints | None):
    with torch.no_grad():
        return editor.upscale(lr, given)


@pytest.mark.parametrize("name", registered())
def test_every_registered_editor_is_held_to_its_promises(name):
    assert name in KINDS, (
        f"{name} has no entry in KINDS of {Path(__file__).name}: add a generator of its cases"
    )
    cases = list(KINDS[name]())
    if name != "SpandrelSR":
        assert cases
    assert {case.config["type"] for case in cases} <= {f"mmisr.{name}"}


def test_no_entry_is_left_of_an_editor_that_went():
    assert set(KINDS) - set(registered()) == set()


@each
def test_info_is_true(case, tmp_path):
    editor = case.build(tmp_path).eval()
    info = editor.info
    assert (info.name, info.scale, info.multiple_of) == (case.name, case.scale, case.multiple_of)
    assert (info.trainable, info.adaptive) == (case.trainable, case.adaptive)
    assert bool(list(editor.parameters())) == info.trainable
    # The smallest size that `info` allows is taken by the network itself, without the base class's
    # padding.
    side = -(-info.min_size // info.multiple_of) * info.multiple_of
    lr = torch.rand(1, 3, side, side + info.multiple_of)
    with torch.no_grad():
        result = editor._upscale(lr, hints(1))
    assert tuple(result.image.shape[-2:]) == (
        side * info.scale,
        (side + info.multiple_of) * info.scale,
    )
    assert (result.routing is not None) == info.adaptive


@each
def test_output_is_exactly_the_scale_and_in_range(case, tmp_path):
    editor = loud(case.build(tmp_path)).eval()
    for hw in SIZES_HW:
        result = upscale(editor, torch.rand(2, 3, *hw), hints(2))
        assert tuple(result.image.shape) == (2, 3, hw[0] * case.scale, hw[1] * case.scale)
        assert result.image.isfinite().all()
        assert 0 <= result.image.min() <= result.image.max() <= 1
        if case.adaptive:
            token = result.routing.token_size
            assert tuple(result.routing.exits.shape) == (2, -(-hw[0] // token), -(-hw[1] // token))


@each
def test_the_clamp_is_for_evaluation_alone(case, tmp_path):
    """Values outside the range must keep their gradients in training."""
    editor = loud(case.build(tmp_path))
    inside = upscale(editor.eval(), pictures(), hints()).image
    outside = upscale(editor.train(), pictures(), hints()).image
    torch.testing.assert_close(outside.clamp(0, 1), inside, atol=1e-4, rtol=0)
    if case.trainable and case.scale > 1:  # a router leaves the pixels as they are
        assert outside.min() < 0 or outside.max() > 1, (
            "the weights of this test never leave the range"
        )


@each
def test_evaluation_is_deterministic(case, tmp_path):
    editor = loud(case.build(tmp_path)).eval()
    first = upscale(editor, pictures(), hints()).image
    torch.rand(5)  # whatever else the process draws
    assert torch.equal(first, upscale(editor, pictures(), hints()).image)


@each
def test_an_image_does_not_depend_on_its_batch(case, tmp_path):
    editor = loud(case.build(tmp_path)).eval()
    lr, given = pictures(), hints()
    whole = upscale(editor, lr, given)
    assert not torch.equal(whole.image[0], whole.image[1])
    if case.adaptive:
        assert len(whole.routing.exits.unique()) > 1, "every token left alike: nothing was routed"
    for order in ([0], [1], [2], [2, 0, 1], [1, 1]):
        part = upscale(editor, lr[order], [given[i] for i in order])
        torch.testing.assert_close(part.image, whole.image[order], atol=1e-5, rtol=0)
        if case.adaptive:
            assert torch.equal(part.routing.exits, whole.routing.exits[order])


@each
def test_state_survives_a_round_trip(case, tmp_path):
    editor = loud(case.build(tmp_path)).eval()
    torch.save(editor.state_dict(), tmp_path / "state.pth")
    again = case.build(tmp_path).eval()
    again.load_state_dict(torch.load(tmp_path / "state.pth", weights_only=True), strict=True)
    results = [upscale(e, pictures(), hints()).image for e in (editor, again)]
    assert torch.equal(*results)


@each
def test_trains_one_step_alone(case, tmp_path):
    editor = case.build(tmp_path).train()
    if not case.trainable:
        with pytest.raises(
            ValueError, match=rf"\({case.name}\) cannot be trained alone.*`pixel_loss`"
        ):
            editor.forward_train(torch.rand(1, 3, 4, 4))
        return
    lr, hr = pictures(2, (16, 24)), pictures(2, (16 * case.scale, 24 * case.scale))
    samples = []
    for n, image in enumerate(hr):
        sample = MagicDataSample(gt_img=(image * 255).round().byte())
        sample.set_metainfo({"img_id": n, "boxes_lr": hints(2)[n].boxes_lr.numpy()})
        samples.append(sample)
    before = {name: p.detach().clone() for name, p in editor.named_parameters()}
    wrapper = OptimWrapper(torch.optim.SGD(editor.parameters(), lr=0.1))
    batch = {"inputs": [(image * 255).round().byte() for image in lr], "data_samples": samples}
    losses = editor.train_step(batch, wrapper)
    assert 0 < losses["loss"].item() < float("inf")
    assert all(p.isfinite().all() for p in editor.parameters())
    assert [n for n, p in editor.named_parameters() if not torch.equal(p, before[n])], (
        "no parameter moved"
    )


WRONG_SCALES = {"none": 0, "a fraction": 2.5, "a word": "four", "another": 7}
ONE_OF_EACH = list(
    {(case.config["type"], case.name): case for case in CASES if case.scale > 1}.values()
)


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=name_of)
@pytest.mark.parametrize("wrong", WRONG_SCALES.values(), ids=WRONG_SCALES)
def test_an_unsupported_scale_is_one_error_that_names_the_key(case, wrong, tmp_path):
    if wrong == 7 and case.config["type"] == "mmisr.Resample":
        assert case.build(tmp_path, scale=7).info.scale == 7, (
            "interpolation knows every whole factor"
        )
        return
    with pytest.raises(ValueError, match=rf"scale\b.*{wrong}"):
        case.build(tmp_path, scale=wrong)
