"""Distances of features: end points, invariances, gradients, and double loops beside them."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F

from mmisr.losses.features import (
    bin_distance,
    class_distance,
    feature_affinity,
    object_weights,
    offset_distance,
    pearson_distance,
    score_distance,
)


def features(seed: int, channels: int = 3, hw: tuple[int, int] = (5, 4)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, *hw, generator=generator, dtype=torch.float64)


class TestPearsonDistance:
    def test_is_0_for_features_that_differ_by_scale_and_shift_per_channel(self):
        one = features(0)
        scale = torch.tensor([0.5, 2.0, 9.0], dtype=torch.float64).view(1, 3, 1, 1)
        assert float(pearson_distance(one, one * scale - 4)) == pytest.approx(0, abs=1e-5)

    def test_is_2_for_opposite_features(self):
        one = features(0)
        assert float(pearson_distance(one, -one)) == pytest.approx(2, abs=1e-5)

    def test_is_1_less_the_mean_correlation(self):
        one, other = features(0), features(1)
        rows = []
        for image in range(2):
            for channel in range(3):
                pair = torch.stack([one[image, channel].flatten(), other[image, channel].flatten()])
                rows.append(1 - torch.corrcoef(pair)[0, 1])
        assert float(pearson_distance(one, other)) == pytest.approx(float(sum(rows) / 6), abs=1e-5)

    def test_an_image_does_not_depend_on_its_batch(self):
        one, other = features(0), features(1)
        alone = [pearson_distance(one[i : i + 1], other[i : i + 1]) for i in range(2)]
        together = pearson_distance(one, other)
        assert float(together) == pytest.approx(float(sum(alone) / 2))

    def test_equal_weights_that_sum_to_1_are_no_weights(self):
        one, other = features(0), features(1)
        weights = torch.full((2, 1, 5, 4), 1 / 20, dtype=torch.float64)
        with_weights = pearson_distance(one, other, weights)
        assert float(with_weights) == pytest.approx(float(pearson_distance(one, other)))

    def test_gradients(self):
        one = features(0).requires_grad_()
        assert gradcheck(lambda x: pearson_distance(x, features(1)), (one,))

    def test_no_gradient_reaches_the_teacher(self):
        teacher = features(1).requires_grad_()
        pearson_distance(features(0).requires_grad_(), teacher).backward()
        assert teacher.grad is None

    def test_other_shapes_are_named(self):
        with pytest.raises(ValueError, match=r"must have one shape, got \(2, 3, 5, 4\) and \(2, 4"):
            pearson_distance(features(0), features(1, channels=4))


class TestObjectWeights:
    def test_an_image_without_objects_has_the_background_alone(self):
        weights = object_weights([torch.zeros(0, 4)], (4, 5))
        assert weights.shape == (1, 1, 4, 5)
        assert torch.allclose(weights, torch.full_like(weights, 0.5 / 20))

    def test_every_object_counts_alike(self):
        """One of 1 cell and one of 6: half of the foreground each."""
        boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [2.0, 1.0, 5.0, 3.0]])
        weights = object_weights([boxes], (4, 6))[0, 0]
        assert float(weights[0, 0]) == pytest.approx(0.5)
        assert weights[1:3, 2:5].sum() == pytest.approx(0.5)
        assert float(weights[3, 0]) == pytest.approx(0.5 / (24 - 7))
        assert float(weights.sum()) == pytest.approx(1.5)

    def test_where_objects_overlap_the_smallest_counts(self):
        boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [1.2, 1.3, 1.9, 1.8]])
        weights = object_weights([boxes], (4, 4))[0, 0]
        assert float(weights[1, 1] / weights[0, 0]) == pytest.approx(16)

    def test_an_object_smaller_than_a_cell_is_not_lost(self):
        weights = object_weights([torch.tensor([[2.45, 2.45, 2.55, 2.55]])], (4, 4))[0, 0]
        assert float(weights[2, 2]) == pytest.approx(1)


class TestScores:
    def test_equal_scores_cost_nothing(self):
        logits = features(0)
        assert float(score_distance(logits, logits)[0]) == 0

    def test_is_the_quality_focal_loss(self):
        ours, theirs = features(0), features(1)
        label, score = theirs.sigmoid(), ours.sigmoid()
        entropy = -(label * score.log() + (1 - label) * (1 - score).log())
        total, objects = score_distance(ours, theirs, beta=2.0)
        assert float(total) == pytest.approx(float(((score - label) ** 2 * entropy).sum()))
        assert float(objects) == pytest.approx(float(label.max(-1).values.sum()))

    def test_gradients(self):
        ours = features(0).requires_grad_()
        assert gradcheck(lambda x: score_distance(x, features(1))[0], (ours,))


class TestBoxes:
    def test_equal_boxes_cost_nothing(self):
        bins = features(0, 4, (3, 6))
        assert float(bin_distance(bins, bins, torch.ones(2, 4, dtype=torch.float64))) == 0
        assert float(offset_distance(bins[..., :4], bins[..., :4], torch.ones(2, 4, 3))) == 0

    def test_bins_have_the_mean_of_mmdets_loss(self):
        from mmisr.openmmlab.stack import prepare

        prepare()
        from mmdet.models.losses.kd_loss import knowledge_distillation_kl_div_loss as theirs

        ours, teacher = torch.randn(2, 7, 4, 17).double()
        weights = torch.rand(7).double()
        expected = sum(
            weight * theirs(a, b, T=1) for weight, a, b in zip(weights, ours, teacher, strict=True)
        )
        assert float(bin_distance(ours, teacher, weights)) == pytest.approx(float(expected))

    def test_offsets_count_by_weight(self):
        ours = torch.tensor([[0.0, 0, 0, 0], [0, 0, 0, 0]])
        theirs = torch.tensor([[1.0, 2, 3, 4], [5, 5, 5, 5]])
        assert float(offset_distance(ours, theirs, torch.tensor([2.0, 0.5]))) == 2 * 2.5 + 0.5 * 5

    def test_gradients(self):
        ours = features(0, 4, (3, 6)).requires_grad_()
        weights = torch.rand(2, 4, dtype=torch.float64)
        assert gradcheck(lambda x: bin_distance(x, features(1, 4, (3, 6)), weights), (ours,))

    def test_classes(self):
        ours, theirs = torch.randn(2, 6, 4)
        expected = F.kl_div(ours.log_softmax(1), theirs.softmax(1), reduction="batchmean")
        assert float(class_distance(ours, theirs)) == pytest.approx(float(expected), rel=1e-5)
        assert float(class_distance(ours, ours)) == pytest.approx(0, abs=1e-6)
        assert float(class_distance(ours[:0], theirs[:0])) == 0


class TestAffinity:
    def test_is_0_for_equal_features_up_to_a_factor_per_position(self):
        one = features(0, 3, (16, 16))
        factors = torch.rand(2, 1, 16, 16, dtype=torch.float64) + 0.1
        assert float(feature_affinity(one, one * factors)) == pytest.approx(0, abs=1e-12)

    def test_two_equal_samples_cost_what_one_does(self):
        one, other = features(0, 3, (16, 16))[:1], features(1, 5, (16, 16))[:1]
        alone = feature_affinity(one, other)
        twice = feature_affinity(one.repeat(2, 1, 1, 1), other.repeat(2, 1, 1, 1))
        assert float(twice) == pytest.approx(float(alone))

    def test_equals_a_double_loop(self):
        one, other = features(0)[:1], features(1)[:1]
        a, b = one[0].flatten(1).T, other[0].flatten(1).T
        total = 0.0
        for i in range(len(a)):
            for j in range(len(a)):
                ours = F.cosine_similarity(a[i], a[j], dim=0)
                theirs = F.cosine_similarity(b[i], b[j], dim=0)
                total += float((ours - theirs).abs())
        expected = total / len(a) ** 2
        assert float(feature_affinity(one, other, stride=1)) == pytest.approx(expected)

    def test_positions_are_capped(self):
        one = torch.randn(1, 2, 64, 64)
        capped = feature_affinity(one, -one.abs(), stride=1, most=64)
        assert float(capped) == pytest.approx(float(feature_affinity(one, -one.abs(), stride=8)))

    def test_maps_of_other_sizes_are_named(self):
        with pytest.raises(ValueError, match="compares maps of one size"):
            feature_affinity(features(0), features(1, 3, (5, 5)))
