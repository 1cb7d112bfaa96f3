"""``SROBBLoss`` on real networks: its terms by hand, and where their gradients are."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F

from mmisr.losses.features import region_distance
from mmisr.losses.srobb.regions import box_masks, regions
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

GENERATOR = torch.Generator().manual_seed(0)
HR = torch.rand(2, 3, 48, 64, generator=GENERATOR)
SR = (HR + 0.1 * torch.rand(2, 3, 48, 64, generator=GENERATOR)).clamp(0, 1)
LR_HW = (12, 16)
BOXES = torch.tensor([[2.0, 2.0, 9.0, 8.0]])
NONE = torch.zeros(0, 4)
WITH = ImageHints(boxes_lr=BOXES, lr_hw=LR_HW)
WITHOUT = ImageHints(boxes_lr=NONE, lr_hw=LR_HW)
TERMS = {
    "boundary": {"tap": "relu1_2", "weight": 0.5},
    "background": {"tap": "relu2_2", "weight": 0.25},
    "object": {"tap": "relu2_2", "weight": 0.125},
}
VGG = {"type": "mmisr.VGG", "depth": 16, "last": "relu2_2"}


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vgg.pth"
    torch.manual_seed(0)
    torch.save(MODELS.build(VGG).state_dict(), path)
    return str(path)


@pytest.fixture
def loss_of(vgg_file):
    def build(**arguments):
        config = {"type": "mmisr.SROBBLoss", "network": VGG, "checkpoint": vgg_file}
        return MODELS.build({**config, "terms": TERMS, **arguments})

    return build


def test_equals_a_computation_by_hand(loss_of):
    loss = loss_of()
    terms = loss.terms(SR, HR, [WITH, WITHOUT])
    assert float(terms["loss_srobb_pixel"]) == pytest.approx(float(F.mse_loss(SR, HR)))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    boxes = [BOXES * 4, NONE]
    for name, end in (("boundary", 4), ("background", 9), ("object", 9)):
        total = 0.0
        for image in range(2):
            with torch.no_grad():
                layers = torch.nn.Sequential(*list(loss.network.children())[:end])
                ours = layers((SR[image : image + 1] - mean) / std)[0]
                theirs = layers((HR[image : image + 1] - mean) / std)[0]
            parts = regions(box_masks(boxes[image], (48, 64)), (48, 64), 2)
            shares = F.interpolate(getattr(parts, name)[None, None], ours.shape[1:], mode="area")
            area = float(shares.sum())
            if area:
                total += float(((ours - theirs) ** 2 * shares[0]).sum()) / len(ours) / area
        expected = TERMS[name]["weight"] * total / 2
        assert float(terms[f"loss_srobb_{name}"]) == pytest.approx(expected, rel=1e-4)
    assert float(loss(SR, HR, [WITH, WITHOUT])) == pytest.approx(float(sum(terms.values())))


def test_is_0_where_sr_is_hr(loss_of):
    assert float(loss_of()(HR, HR, [WITH, WITHOUT])) == 0


@pytest.mark.parametrize("hint", [WITH, WITHOUT])
def test_an_image_does_not_depend_on_its_batch(loss_of, hint):
    loss = loss_of()
    alone = loss(SR[:1], HR[:1], [hint]) + loss(SR[1:], HR[1:], [WITH])
    assert float(loss(SR, HR, [hint, WITH])) == pytest.approx(float(alone) / 2, rel=1e-4)


def test_the_gradient_is_where_the_region_is(loss_of):
    """relu1_2 sees 2 pixels to each side: no further from the band is there a gradient."""
    loss = loss_of(terms={"boundary": {"tap": "relu1_2", "weight": 1.0}})
    sr = SR[:1].clone().requires_grad_()
    loss.terms(sr, HR[:1], [WITH])["loss_srobb_boundary"].backward()
    gradient = sr.grad.abs().sum(1)[0]
    band = regions(box_masks(BOXES * 4, (48, 64)), (48, 64), 2).boundary
    reach = F.max_pool2d(band[None, None], 5, 1, 2)[0, 0].bool()
    assert gradient[~reach].sum() == 0
    assert (gradient[band.bool()] > 0).all()


def test_without_boxes_the_background_alone_has_a_gradient(loss_of):
    terms = loss_of().terms(SR[:1], HR[:1], [WITHOUT])
    assert float(terms["loss_srobb_boundary"]) == float(terms["loss_srobb_object"]) == 0
    assert float(terms["loss_srobb_background"]) > 0


def test_a_box_over_the_whole_image_leaves_no_boundary(loss_of):
    everything = ImageHints(boxes_lr=torch.tensor([[-1.0, 0.0, 16.0, 12.5]]), lr_hw=LR_HW)
    sr = SR[:1].clone().requires_grad_()
    terms = loss_of().terms(sr, HR[:1], [everything])
    sum(terms.values()).backward()
    values = {name: float(value.detach()) for name, value in terms.items()}
    assert values["loss_srobb_boundary"] == values["loss_srobb_background"] == 0
    assert values["loss_srobb_object"] > 0
    assert sr.grad.isfinite().all()


def test_masks_are_taken_before_boxes(loss_of):
    """A mask of the left half of its box says what a box of that half says."""
    loss = loss_of()
    mask = torch.zeros(1, *LR_HW, dtype=torch.bool)
    mask[0, 2:8, 2:5] = True
    by_mask = ImageHints(boxes_lr=BOXES, masks_lr=mask, lr_hw=LR_HW)
    half = ImageHints(boxes_lr=torch.tensor([[2.0, 2.0, 5.0, 8.0]]), lr_hw=LR_HW)
    value = float(loss(SR[:1], HR[:1], [by_mask]))
    assert value == float(loss(SR[:1], HR[:1], [half]))
    assert value != float(loss(SR[:1], HR[:1], [WITH]))


def test_mmdets_mobilenet(tmp_path):
    """The backbone of the project's detectors, alone and out of a detector's checkpoint."""
    torch.manual_seed(0)
    network = {"type": "mmdet.MobileNetV2"}
    state = MODELS.build(network).state_dict()
    torch.save(state, tmp_path / "alone.pth")
    torch.save({f"backbone.{name}": value for name, value in state.items()}, tmp_path / "whole.pth")
    values = []
    for name in ("alone", "whole"):
        loss = MODELS.build(
            {
                "type": "mmisr.SROBBLoss",
                "network": network,
                "checkpoint": str(tmp_path / f"{name}.pth"),
                "terms": {
                    "boundary": {"tap": "layer1", "weight": 1.0},
                    "background": {"tap": "layer3", "weight": 1.0},
                },
            }
        )
        terms = loss.terms(SR, HR, [WITH, WITHOUT])
        assert all(float(value) > 0 for value in terms.values())
        values.append(float(sum(terms.values())))
    assert values[0] == values[1]


def test_the_pixels_may_be_compared_otherwise(loss_of):
    loss = loss_of(pixel={"distance": "l1", "weight": 2.0})
    expected = 2 * F.l1_loss(SR, HR)
    assert float(loss.terms(SR, HR, [WITH] * 2)["loss_srobb_pixel"]) == pytest.approx(
        float(expected)
    )


class TestRegionDistance:
    def test_a_position_counts_by_the_share_that_is_covered(self):
        region = torch.zeros(1, 1, 4, 4)
        region[..., :2, :3] = 1
        ours = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
        value = region_distance(ours, torch.zeros_like(ours), region)
        assert float(value) == pytest.approx((1 * 1 + 4 * 0.5) / 1.5)

    def test_an_empty_region_is_0(self):
        ours = torch.rand(2, 3, 4, 4, requires_grad=True)
        value = region_distance(ours, torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 8, 8))
        value.backward()
        assert float(value) == 0
        assert ours.grad.eq(0).all()

    def test_gradients(self):
        ours = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
        theirs = torch.rand(2, 3, 4, 5, dtype=torch.float64)
        region = torch.rand(2, 1, 8, 11, dtype=torch.float64).round()
        assert gradcheck(lambda x: region_distance(x, theirs, region), (ours,))


@pytest.mark.parametrize("hints", [None, [ImageHints(seed=1)] * 2, [WITH, ImageHints()]])
def test_images_without_annotations_are_refused(loss_of, hints):
    with pytest.raises(ValueError, match="SROBBLoss needs the boxes or the masks of every image"):
        loss_of()(SR, HR, hints)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"terms": {}}, ValueError, "must name some of object, boundary, background, got"),
        ({"terms": {"sky": {}}}, ValueError, r"must name some of .*got \['sky'\]"),
        ({"terms": {"object": {"tap": "relu1_1"}}}, TypeError, "weight"),
        (
            {"terms": {"object": {"tap": "relu1_1", "weight": -1.0}}},
            ValueError,
            "SROBBLoss.terms.*weight",
        ),
        ({"radius": 0}, ValueError, "SROBBLoss.radius must be at least 1 HR pixel, got 0"),
        ({"radius": "far"}, ValueError, "SROBBLoss.radius must be int, got 'far'"),
        ({"pixel": {"colour": 1}}, TypeError, "colour"),
    ],
)
def test_arguments_out_of_range(loss_of, arguments, kind, text):
    with pytest.raises(kind, match=text):
        loss_of(**arguments)


def test_shapes_must_agree(loss_of):
    with pytest.raises(ValueError, match="one shape"):
        loss_of()(SR, HR[..., :32], [WITH] * 2)
