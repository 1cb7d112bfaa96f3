"""mmcv's ops, as users call them, against references that share no code with the kernels."""

import math

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.autograd import gradcheck
from torch.nn import functional as F

from mmisr.openmmlab.stack import has_compiled_ops, prepare

prepare()

import mmcv.ops as mmcv_ops
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

from mmisr.openmmlab.ops import KERNELS, substitute_module

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
    ),
]
ON_DEVICES = pytest.mark.parametrize("device", DEVICES)
NOT_COMPILED_FOR_CPU = pytest.mark.skipif(
    has_compiled_ops(), reason="mmcv compiles this op for CUDA only"
)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def random_boxes(count: int, side: float = 60.0) -> torch.Tensor:
    corner = torch.rand(count, 2) * side
    return torch.cat([corner, corner + 1 + torch.rand(count, 2) * 30], dim=1)


def iou(a: np.ndarray, b: np.ndarray, offset: int = 0) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0]) + offset
    h = min(a[3], b[3]) - max(a[1], b[1]) + offset
    shared = max(w, 0) * max(h, 0)
    area = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (a, b)]
    return shared / (sum(area) - shared)


def greedy(boxes: np.ndarray, scores: np.ndarray, threshold: float, offset: int) -> list[int]:
    """NMS as its definition says it, one box at a time."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if all(iou(boxes[index], boxes[other], offset) <= threshold for other in kept):
            kept.append(int(index))
    return kept


@ON_DEVICES
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("count", [0, 1, 60])
def test_nms_keeps_what_the_definition_keeps(device, count, threshold, offset):
    boxes, scores = random_boxes(count), torch.rand(count)
    dets, kept = mmcv_ops.nms(boxes.to(device), scores.to(device), threshold, offset)
    assert kept.tolist() == greedy(boxes.double().numpy(), scores.numpy(), threshold, offset)
    assert torch.equal(dets.cpu(), torch.cat([boxes, scores[:, None]], 1)[kept.cpu()])


def test_nms_offset_counts_the_last_pixel():
    # 10 and 9 px wide: IoU 9/10 as areas; inclusive they are 11 and 10 wide, 10/11 = 0.909.
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 9.0, 10.0]])
    scores = torch.tensor([0.9, 0.8])
    assert len(mmcv_ops.nms(boxes, scores, 0.905, offset=0)[1]) == 2
    assert len(mmcv_ops.nms(boxes, scores, 0.905, offset=1)[1]) == 1


def test_nms_keeps_two_boxes_whose_iou_is_the_threshold():
    boxes = torch.tensor([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    assert len(mmcv_ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5)[1]) == 2


def test_nms_takes_numpy_and_a_score_threshold():
    boxes, scores = random_boxes(20).numpy(), np.linspace(0.05, 0.95, 20, dtype=np.float32)
    dets, kept = mmcv_ops.nms(boxes, scores, 0.5, score_threshold=0.5)
    assert isinstance(dets, np.ndarray)
    assert kept.tolist() == [
        index for index in greedy(boxes, scores, 0.5, 0) if scores[index] > 0.5
    ]


@pytest.mark.skipif(has_compiled_ops(), reason="mmcv's compiled nms takes float32 only")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_nms_takes_other_dtypes(dtype):
    boxes, scores = random_boxes(30).to(dtype), torch.linspace(0.1, 0.9, 30).to(dtype)
    kept = mmcv_ops.nms(boxes, scores, 0.5)[1].tolist()
    assert kept == greedy(boxes.double().numpy(), scores.double().numpy(), 0.5, 0)


@ON_DEVICES
@pytest.mark.parametrize("split_thr", [10000, 5])
def test_batched_nms_treats_classes_apart(device, split_thr):
    boxes, scores, classes = random_boxes(40, 20.0), torch.rand(40), torch.arange(40) % 3
    config = dict(type="nms", iou_threshold=0.4, split_thr=split_thr)
    dets, kept = mmcv_ops.batched_nms(
        boxes.to(device), scores.to(device), classes.to(device), config
    )
    expected = []
    for label in range(3):
        members = torch.where(classes == label)[0].numpy()
        expected += [
            int(members[i]) for i in greedy(boxes.numpy()[members], scores.numpy()[members], 0.4, 0)
        ]
    expected.sort(key=lambda index: -scores[index])
    assert kept.tolist() == expected
    assert torch.equal(dets[:, :4].cpu(), boxes[expected])


def soft_reference(boxes, scores, method, threshold, sigma, min_score):
    """Soft-NMS as figure 2 of the paper says it, one box at a time."""
    left, kept = {index: float(score) for index, score in enumerate(scores)}, []
    while left:
        best = max(left, key=left.__getitem__)
        kept.append((best, left.pop(best)))
        for index in list(left):
            overlap = iou(boxes[best], boxes[index])
            if method == "gaussian":
                left[index] *= math.exp(-(overlap**2) / sigma)
            elif overlap >= threshold:
                left[index] *= 1 - overlap if method == "linear" else 0.0
            if left[index] < min_score:
                del left[index]
    return kept


@ON_DEVICES
@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_soft_nms_decays_as_the_paper_says(device, count, method):
    boxes, scores = random_boxes(count, 30.0), torch.rand(count)
    dets, kept = mmcv_ops.soft_nms(
        boxes.to(device),
        scores.to(device),
        iou_threshold=0.3,
        sigma=0.5,
        min_score=0.05,
        method=method,
    )
    expected = soft_reference(
        boxes.double().numpy(), scores.double().numpy(), method, 0.3, 0.5, 0.05
    )
    assert kept.tolist() == [index for index, _ in expected]
    np.testing.assert_allclose(dets[:, 4].cpu(), [score for _, score in expected], rtol=1e-5)
    assert torch.equal(dets[:, :4].cpu(), boxes[kept.cpu()])


@pytest.mark.parametrize(
    ("method", "factor"), [("naive", 0.0), ("linear", 0.5), ("gaussian", math.exp(-0.5))]
)
def test_soft_nms_factor_at_iou_one_half(method, factor):
    boxes = torch.tensor([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    dets, _ = mmcv_ops.soft_nms(
        boxes, torch.tensor([0.9, 0.8]), 0.3, sigma=0.5, min_score=-1.0, method=method
    )
    assert dets[1, 4].item() == pytest.approx(0.8 * factor, abs=1e-6)


def test_soft_nms_works_inside_batched_nms():
    boxes, scores = random_boxes(20, 10.0), torch.rand(20)
    config = dict(type="soft_nms", iou_threshold=0.3, min_score=0.05)
    dets, kept = mmcv_ops.batched_nms(boxes, scores, torch.zeros(20, dtype=torch.long), config)
    assert len(dets) == len(kept) > 0
    assert (dets[:, 4].diff() <= 0).all()


ROIS = [[0, 2.0, 3.0, 14.0, 11.0], [1, 0.0, 0.0, 19.0, 15.0], [1, 4.5, 2.25, 9.75, 12.5]]


@ON_DEVICES
@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 2])
def test_roi_align_is_torchvisions_layer(device, aligned, ratio):
    features, rois = torch.randn(2, 3, 16, 20, device=device), torch.tensor(ROIS, device=device)
    layer = torchvision.ops.RoIAlign((5, 4), 0.5, ratio, aligned)
    assert torch.allclose(
        mmcv_ops.roi_align(features, rois, (5, 4), 0.5, ratio, "avg", aligned),
        layer(features, rois),
        atol=1e-5,
    )


def test_roi_align_of_a_ramp_is_the_centre_of_each_bin():
    # Bilinear sampling is exact on a ramp, and pixel i has its centre at i + 0.5.
    ramp = (torch.arange(24.0) + 0.5).repeat(1, 1, 24, 1)
    rois = torch.tensor([[0, 4.0, 4.0, 16.0, 16.0]])
    pooled = mmcv_ops.roi_align(ramp, rois, (1, 4), 1.0, 2, "avg", True)
    assert torch.allclose(pooled.flatten(), torch.tensor([5.5, 8.5, 11.5, 14.5]), atol=1e-5)


@ON_DEVICES
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_gradient(device, aligned):
    features = torch.randn(2, 2, 8, 9, dtype=torch.float64, device=device, requires_grad=True)
    rois = torch.tensor(
        [[0, 1.0, 1.5, 7.0, 6.0], [1, 0.0, 0.0, 9.0, 8.0]], dtype=torch.float64, device=device
    )
    assert gradcheck(
        lambda x: mmcv_ops.roi_align(x, rois, (3, 2), 1.0, 2, "avg", aligned), features
    )


def test_roi_align_without_boxes():
    features = torch.randn(1, 3, 8, 8, requires_grad=True)
    pooled = mmcv_ops.roi_align(features, torch.zeros(0, 5), (7, 7))
    assert pooled.shape == (0, 3, 7, 7)
    pooled.sum().backward()
    assert torch.equal(features.grad, torch.zeros_like(features))


@pytest.mark.skipif(has_compiled_ops(), reason="compiled mmcv has it")
def test_roi_align_refuses_max_pooling():
    with pytest.raises(NotImplementedError, match="pool_mode must be 'avg'"):
        mmcv_ops.roi_align(torch.randn(1, 1, 8, 8), torch.tensor(ROIS[:1]), 2, 1.0, 2, "max", True)


@ON_DEVICES
@NOT_COMPILED_FOR_CPU
@pytest.mark.filterwarnings("ignore:roi_pool")
def test_roi_pool_is_torchvisions_layer(device):
    features, rois = torch.randn(2, 3, 16, 20, device=device), torch.tensor(ROIS, device=device)
    layer = torchvision.ops.RoIPool((3, 2), 0.5)
    assert torch.equal(mmcv_ops.RoIPool((3, 2), 0.5)(features, rois), layer(features, rois))


@ON_DEVICES
@pytest.mark.filterwarnings("ignore:roi_pool")
@NOT_COMPILED_FOR_CPU
def test_roi_pool_takes_the_maximum_of_each_bin(device):
    features = torch.randn(1, 2, 9, 9)
    rois = torch.tensor([[0, 1.0, 2.0, 6.0, 5.0]])  # inclusive corners: 6 x 4 cells, bins of 3 x 2
    pooled = mmcv_ops.roi_pool(features.to(device), rois.to(device), (2, 2))
    expected = features[:, :, 2:6, 1:7].reshape(1, 2, 2, 2, 2, 3).amax((3, 5))
    assert torch.equal(pooled.cpu(), expected)


@ON_DEVICES
@pytest.mark.filterwarnings("ignore:roi_pool")
@NOT_COMPILED_FOR_CPU
def test_roi_pool_gradient(device):
    features = torch.randperm(2 * 8 * 9).double().view(1, 2, 8, 9).to(device).requires_grad_()
    rois = torch.tensor([[0, 1.0, 1.0, 7.0, 6.0]], dtype=torch.float64, device=device)
    assert gradcheck(lambda x: mmcv_ops.roi_pool(x, rois, (3, 2)), features)


def test_roi_pool_says_that_it_rounds_differently():
    features, rois = torch.randn(1, 1, 8, 8), torch.tensor(ROIS[:1])
    output, argmax = torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2, dtype=torch.int)
    with pytest.warns(UserWarning, match="rounds box corners"):
        KERNELS["roi_pool_forward"](
            features, rois, output, argmax, pooled_height=2, pooled_width=2, spatial_scale=1.0
        )


GEOMETRIES = [  # stride, padding, dilation, groups, offset groups
    (1, 1, 1, 1, 1),
    (2, 1, 1, 2, 2),
    ((2, 1), (1, 2), (2, 1), 1, 4),
]


def deform_inputs(geometry, dtype=torch.float32, hw=(11, 9), channels=(4, 6)):
    stride, padding, dilation, groups, offset_groups = geometry
    pair = nn.modules.utils._pair
    out_hw = [
        (size + 2 * pair(padding)[i] - pair(dilation)[i] * 2 - 1) // pair(stride)[i] + 1
        for i, size in enumerate(hw)
    ]
    features = torch.randn(2, channels[0], *hw, dtype=dtype)
    weight = torch.randn(channels[1], channels[0] // groups, 3, 3, dtype=dtype)
    offset = torch.randn(2, offset_groups * 18, *out_hw, dtype=dtype)
    mask = torch.rand(2, offset_groups * 9, *out_hw, dtype=dtype)
    return features, weight, offset, mask


@ON_DEVICES
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_deform_conv_is_torchvisions(device, geometry):
    features, weight, offset, mask = (tensor.to(device) for tensor in deform_inputs(geometry))
    bias = torch.randn(len(weight), device=device)
    place = geometry[:3]
    v1 = mmcv_ops.deform_conv2d(features, offset, weight, *geometry)
    v2 = mmcv_ops.modulated_deform_conv2d(features, offset, mask, weight, bias, *geometry)
    assert torch.allclose(
        v1, torchvision.ops.deform_conv2d(features, offset, weight, None, *place), atol=1e-4
    )
    assert torch.allclose(
        v2, torchvision.ops.deform_conv2d(features, offset, weight, bias, *place, mask), atol=1e-4
    )


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_deform_conv_without_offset_is_a_convolution(geometry):
    features, weight, offset, mask = deform_inputs(geometry)
    plain = F.conv2d(features, weight, None, *geometry[:4])
    still = torch.zeros_like(offset)
    v1 = mmcv_ops.deform_conv2d(features, still, weight, *geometry)
    v2 = mmcv_ops.modulated_deform_conv2d(
        features, still, torch.full_like(mask, 0.5), weight, None, *geometry
    )
    assert torch.allclose(v1, plain, atol=1e-4)
    assert torch.allclose(v2, plain / 2, atol=1e-4)


def test_convention_offsets_are_y_then_x():
    features = torch.randn(1, 1, 7, 7)
    offset = torch.zeros(1, 2, 7, 7)
    offset[:, 0] = 1.0  # one pixel down
    shifted = mmcv_ops.deform_conv2d(features, offset, torch.ones(1, 1, 1, 1))
    assert torch.allclose(shifted[..., :-1, :], features[..., 1:, :])
    assert torch.equal(shifted[..., -1, :], torch.zeros(1, 1, 7))


@ON_DEVICES
@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
def test_deform_conv_v1_gradient(device, geometry):
    features, weight, offset, _ = deform_inputs(geometry, torch.float64, (5, 4), (4, 2))
    leaves = [tensor.to(device).requires_grad_() for tensor in (features, offset, weight)]
    assert gradcheck(
        lambda x, o, w: mmcv_ops.deform_conv2d(x, o, w, *geometry), leaves, fast_mode=True
    )


@ON_DEVICES
@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
@pytest.mark.parametrize("with_bias", [True, False])
def test_deform_conv_v2_gradient(device, geometry, with_bias):
    features, weight, offset, mask = deform_inputs(geometry, torch.float64, (5, 4), (4, 2))
    bias = [torch.randn(2, dtype=torch.float64)] if with_bias else []
    leaves = [
        tensor.to(device).requires_grad_() for tensor in (features, offset, mask, weight, *bias)
    ]

    def convolve(x, o, m, w, b=None):
        return mmcv_ops.modulated_deform_conv2d(x, o, m, w, b, *geometry)

    assert gradcheck(convolve, leaves, fast_mode=True)


@ON_DEVICES
def test_deform_conv_offset_gradient_at_the_border_is_mmcvs(device):
    """Zero offsets and padding put border taps on -1, where mmcv's slope is the outer one: 0.

    The weights' gradients are those that mmcv's own test of its compiled op expects. For the
    offsets, a tap on -1 in either axis has none, in v1 as in v2; with torchvision's slope the first
    would be (7, 4).
    """
    rows = torch.tensor([[[[1.0, 2.0, 3.0]] * 3]], device=device)
    pack = mmcv_ops.ModulatedDeformConv2dPack(1, 1, kernel_size=2, padding=1, bias=False).to(device)
    torch.nn.init.ones_(pack.weight)
    pack(rows).sum().backward()
    found = pack.conv_offset.weight.grad
    assert torch.allclose(found[0, 0], torch.tensor([[-7.0, -4.0], [0.0, 0.0]], device=device))
    assert torch.allclose(found[1, 0], torch.tensor([[-9.0, 7.5], [-6.0, 5.0]], device=device))
    assert torch.allclose(found[4, 0], torch.tensor([[-7.0, -4.0], [-7.0, -4.0]], device=device))
    biases = [-3.0, -1.5, -3.0, -1.5, -3.0, -1.5, -3.0, -1.5, 4.5, 4.5, 4.5, 4.5]
    assert torch.allclose(pack.conv_offset.bias.grad, torch.tensor(biases, device=device))

    still = torch.zeros(1, 8, 4, 4, device=device, requires_grad=True)
    mmcv_ops.deform_conv2d(
        rows, still, torch.ones(1, 1, 2, 2, device=device), 1, 1
    ).sum().backward()
    first_tap = still.grad[0, :2]
    assert torch.equal(first_tap[:, 0, :], torch.zeros(2, 4, device=device))
    assert torch.equal(first_tap[:, :, 0], torch.zeros(2, 4, device=device))
    assert torch.equal(first_tap[1, 1:, 1:], torch.tensor([[1.0, 1.0, -3.0]] * 3, device=device))


@ON_DEVICES
@NOT_COMPILED_FOR_CPU
@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.75), (0.0, 0.5)])
def test_focal_loss_is_torchvisions_on_one_hot_targets(device, gamma, alpha):
    logits, target = torch.randn(12, 4) * 3, torch.randint(0, 5, (12,))
    one_hot = F.one_hot(target, 5)[:, :4].float()  # class 4 is the background
    expected = torchvision.ops.sigmoid_focal_loss(logits, one_hot, alpha, gamma, "none")
    loss = mmcv_ops.sigmoid_focal_loss(
        logits.to(device), target.to(device), gamma, alpha, None, "none"
    )
    assert torch.allclose(loss.cpu(), expected, atol=1e-5)


@NOT_COMPILED_FOR_CPU
def test_focal_loss_of_an_undecided_net():
    # p = 1/2 everywhere: alpha (1/2)^gamma ln 2 for the class, 1 - alpha for the others.
    loss = mmcv_ops.sigmoid_focal_loss(
        torch.zeros(2, 3), torch.tensor([1, 3]), 2.0, 0.25, None, "none"
    )
    share = torch.full((2, 3), 0.75)
    share[0, 1] = 0.25
    assert torch.allclose(loss, share * 0.25 * math.log(2))


@ON_DEVICES
@NOT_COMPILED_FOR_CPU
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("gamma", [2.0, 0.5, 0.0])
def test_focal_loss_gradient(device, gamma, reduction):
    logits = torch.randn(6, 3, dtype=torch.float64, device=device, requires_grad=True)
    target = torch.tensor([0, 1, 2, 3, 3, 0], device=device)

    def loss(x):
        total = mmcv_ops.sigmoid_focal_loss(x, target, gamma, 0.25, None, reduction)
        return (
            total.sum(1) if reduction == "none" else total
        )  # mmcv multiplies by the incoming gradient, row by row

    assert gradcheck(loss, logits)


@NOT_COMPILED_FOR_CPU
def test_focal_loss_weighs_rows_by_class_and_leaves_the_background():
    logits, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 3])
    plain = mmcv_ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, None, "none")
    weighed = mmcv_ops.sigmoid_focal_loss(
        logits, target, 2.0, 0.25, torch.tensor([2.0, 3.0, 5.0]), "none"
    )
    assert torch.allclose(weighed, plain * torch.tensor([2.0, 3.0, 5.0, 1.0])[:, None])


@NOT_COMPILED_FOR_CPU
@pytest.mark.parametrize("gamma", [2.0, 0.5])
def test_focal_loss_stays_finite_at_extreme_logits(gamma):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    loss = mmcv_ops.sigmoid_focal_loss(logits, torch.tensor([0, 0]), gamma, 0.25, None, "sum")
    loss.backward()
    assert loss.item() == pytest.approx(
        200 * (0.25 + 0.75)
    )  # -log p_t = 200 where the net is sure and wrong
    assert torch.isfinite(logits.grad).all()


SHAPES = torch.tensor([[4, 6], [2, 3]])


def attention_inputs(dtype):
    value = torch.randn(2, 4 * 6 + 2 * 3, 2, 3, dtype=dtype)
    locations = torch.rand(2, 5, 2, 2, 4, 2, dtype=dtype) * 0.8 + 0.1
    weights = torch.rand(2, 5, 2, 2, 4, dtype=dtype).flatten(3).softmax(-1).view(2, 5, 2, 2, 4)
    return value, locations, weights


def attend(value, locations, weights):
    starts = torch.tensor([0, 24], device=value.device)
    shapes = SHAPES.to(value.device)
    return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)


@ON_DEVICES
@NOT_COMPILED_FOR_CPU
def test_deformable_attention_at_pixel_centres_reads_the_pixels(device):
    value, locations, weights = attention_inputs(torch.float32)
    row, column = 2, 5
    locations[..., 0, :, :] = torch.tensor([(column + 0.5) / 6, (row + 0.5) / 4])
    weights[:] = 0
    weights[..., 0, 0] = 1  # level 0, one point
    output = attend(value.to(device), locations.to(device), weights.to(device))
    expected = value[:, row * 6 + column].reshape(2, 1, 6).expand(2, 5, 6)
    assert torch.allclose(output.cpu(), expected, atol=1e-5)


@ON_DEVICES
@NOT_COMPILED_FOR_CPU
def test_deformable_attention_gradient(device):
    leaves = [tensor.to(device).requires_grad_() for tensor in attention_inputs(torch.float64)]
    assert gradcheck(attend, leaves, fast_mode=True)


@ON_DEVICES
@pytest.mark.skipif(has_compiled_ops(), reason="compiled ops bring their own dtypes")
@pytest.mark.filterwarnings("ignore:roi_pool")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "op", ["roi_align", "roi_pool", "deform", "modulated", "focal", "attention"]
)
def test_narrow_dtypes_under_autocast_stay_close_to_float32(device, op, dtype):
    features, weight, offset, mask = (t.to(device) for t in deform_inputs(GEOMETRIES[0]))
    rois, target = (
        torch.tensor([[0, 1.0, 1.0, 7.0, 8.0]], device=device),
        torch.tensor([0, 2], device=device),
    )
    calls = {
        "roi_align": (lambda x: mmcv_ops.roi_align(x, rois, 3), [features]),
        "roi_pool": (lambda x: mmcv_ops.roi_pool(x, rois, 3), [features]),
        "deform": (
            lambda x, o, w: mmcv_ops.deform_conv2d(x, o, w, 1, 1),
            [features, offset, weight],
        ),
        "modulated": (
            lambda x, o, m, w: mmcv_ops.modulated_deform_conv2d(x, o, m, w, None, 1, 1),
            [features, offset, mask, weight],
        ),
        "focal": (lambda x: mmcv_ops.sigmoid_focal_loss(x, target), [features[0, 0, :2]]),
        "attention": (attend, [t.to(device) for t in attention_inputs(torch.float32)]),
    }
    call, tensors = calls[op]
    narrow = [tensor.to(dtype).requires_grad_() for tensor in tensors]
    wide = [tensor.detach().float().requires_grad_() for tensor in narrow]
    with torch.autocast(device, dtype):
        output = call(*narrow)
        output.float().sum().backward()
    expected = call(*wide)
    expected.sum().backward()
    assert output.dtype == dtype
    torch.testing.assert_close(output.float(), expected, rtol=0.02, atol=0.02)
    for got, reference in zip(narrow, wide, strict=True):
        torch.testing.assert_close(got.grad.float(), reference.grad, rtol=0.03, atol=0.05)


def test_an_op_without_kernel_names_itself_and_the_way_out():
    extension = substitute_module()
    with pytest.raises(
        NotImplementedError, match=r"`carafe_forward` .*pip install --no-build-isolation"
    ):
        extension.carafe_forward(torch.zeros(1), 3)
    with pytest.raises(AttributeError):
        extension.__wrapped__  # noqa: B018 - introspection must not be answered with a function


@pytest.mark.skipif(has_compiled_ops(), reason="compiled mmcv has it")
def test_mmcv_reports_the_missing_op_to_its_caller():
    with pytest.raises(
        NotImplementedError, match="`softmax_focal_loss_forward` has no torchvision kernel"
    ):
        mmcv_ops.softmax_focal_loss(torch.randn(2, 3), torch.tensor([0, 1]))
