"""Cluster indices: against the formula by hand, against chance, and what is refused."""

import builtins

import numpy as np
import pytest
import torch

from mmisr.analysis.clusters import find_clusters

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(4), 10)
CONTENTS = np.tile(np.arange(10), 4)


def features(gap: float):
    """40 x 200: a place of its own for each of four groups, as far apart as asked for."""
    centres = RNG.normal(size=(4, 200))
    return torch.from_numpy(gap * centres[GROUPS] + RNG.normal(size=(40, 200))).float()


def index_by_hand(values: np.ndarray, groups: np.ndarray) -> float:
    """Calinski and Harabasz 1974."""
    names = np.unique(groups)
    centre = values.mean(0)
    between = within = 0.0
    for name in names:
        own = values[groups == name]
        between += len(own) * np.square(own.mean(0) - centre).sum()
        within += np.square(own - own.mean(0)).sum()
    return (between / (len(names) - 1)) / (within / (len(values) - len(names)))


def test_the_index_is_that_of_all_features():
    """39 components of 40 rows hold everything, so the PCA space changes no distance."""
    rows = features(1.0)
    found = find_clusters(rows, {"degradation": GROUPS, "content": CONTENTS}, 5)
    assert (found.num_features, found.components) == (200, 39)
    assert found.explained == pytest.approx(1)
    assert found.perplexity == 13
    by_name = {(row.space, row.label): row for row in found.indices}
    for label, groups in {"degradation": GROUPS, "content": CONTENTS}.items():
        expected = index_by_hand(rows.double().numpy(), groups)
        assert by_name["pca", label].index == pytest.approx(expected, rel=1e-6)
        in_plane = index_by_hand(found.points, groups)
        assert by_name["tsne", label].index == pytest.approx(in_plane, rel=1e-4)


def test_fifty_components_at_most():
    rows = torch.from_numpy(RNG.normal(size=(60, 80)))
    found = find_clusters(rows, {"half": np.arange(60) % 2}, 1)
    assert found.components == 50
    assert 0.9 < found.explained < 1


def test_groups_stand_out_and_chance_does_not():
    labels = {"degradation": GROUPS, "content": CONTENTS}
    apart = {(row.space, row.label): row for row in find_clusters(features(2.0), labels).indices}
    for space in ("pca", "tsne"):
        row = apart[space, "degradation"]
        assert row.index > 3 * row.permuted_largest
        assert row.permuted_largest >= row.permuted_mean
    assert apart["pca", "content"].index < apart["pca", "content"].permuted_largest
    none = find_clusters(features(0.0), labels).indices[0]
    assert none.index == pytest.approx(none.permuted_mean, rel=0.2)


def test_the_same_numbers_again():
    rows = features(1.0)
    first, again = (find_clusters(rows, {"degradation": GROUPS}) for _ in range(2))
    assert first.indices == again.indices
    assert np.array_equal(first.points, again.points)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (torch.rand(3, 5), "at least 4 rows of features, got 3"),
        (torch.full((8, 5), 0.3), "the same for all patches and degradations"),
        (torch.zeros(8, 5), "the same for all patches and degradations"),
        (torch.full((8, 5), float("nan")), "not all finite"),
    ],
)
def test_features_that_tell_nothing_apart(rows, words):
    with pytest.raises(ValueError, match=words):
        find_clusters(rows, {"half": np.arange(len(rows)) % 2})


def test_the_install_line_where_scikit_learn_is_absent(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'mmisr\[clusters\]'"):
        find_clusters(features(1.0), {"degradation": GROUPS})
