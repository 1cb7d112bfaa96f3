"""Whether features lie in clusters by how an image was degraded, or by what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

INSTALL = "pip install 'mmisr[clusters]'"
COMPONENTS = 50
"""Of the PCA at most."""

PERPLEXITY = 30
"""Of the t-SNE at most."""

PERMUTATIONS = 20
SEED = 0
CHUNK = 1 << 16
"""Features whose products are summed at a time."""

LEAST = 1e-12
"""Share of the features' squares below which they do not vary."""

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ClusterIndex:
    """How far features are apart by one label, beside what chance gives.

    Args:
        space: ``pca`` or ``tsne``.
        label: ``degradation`` or ``content``.
        index: Calinski and Harabasz's: scatter between the groups over scatter within, each by its
            degrees of freedom.
        permuted_mean: Mean of the indices with permuted labels; around 1 in the PCA space.
        permuted_largest: The largest of them.
    """

    space: str
    label: str
    index: float
    permuted_mean: float
    permuted_largest: float


@dataclass(frozen=True)
class Clusters:
    """Features of one layer in few dimensions.

    Args:
        num_features: Values per patch before the PCA.
        components: Dimensions of the PCA space.
        explained: Share of the variance that they hold.
        perplexity: Of the t-SNE.
        points: (N, 2) the t-SNE.
        indices: One per space and label.
    """

    num_features: int
    components: int
    explained: float
    perplexity: float
    points: Floats
    indices: list[ClusterIndex]


def find_clusters(
    features: Tensor, labels: Mapping[str, Labels], permutations: int = PERMUTATIONS
) -> Clusters:
    """Reduce features by PCA and by t-SNE, and see how far each label tells them apart.

    Source: DDR (Liu et al., "Discovering Distinctive 'Semantics' in Super-Resolution Networks",
    2021): PCA, then t-SNE, the Calinski-Harabasz index of the degradations. The control by
    content, the level of permuted labels and the numbers above are ours.

    Args:
        features: (N, D), one row per patch and degradation, on the CPU.
        labels: (N,) groups by name, each of at least two and fewer than N.
        permutations: How often every label is permuted.

    Returns:
        Both spaces and their indices.

    Raises:
        ValueError: There are fewer than four rows, they are all alike, or they are not finite.
        ImportError: scikit-learn is not installed.

    Example:
        >>> apart = torch.tensor([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0], [9.0, 1.0]])
        >>> found = find_clusters(apart, {"left": np.array([0, 0, 1, 1])})
        >>> round(found.indices[0].index)
        162
    """
    rows = _coordinates(features)
    reduced, explained = _pca(rows)
    # As t-SNE has it: three neighbours per unit of perplexity must be there.
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    points = _tsne(reduced, perplexity)
    spaces = {"pca": reduced, "tsne": points}
    indices = []
    for space, values in spaces.items():
        for label, groups in labels.items():
            index = _index(space, label, values, groups, permutations)
            indices.append(index)
    return Clusters(
        num_features=features.shape[1],
        components=reduced.shape[1],
        explained=explained,
        perplexity=perplexity,
        points=points,
        indices=indices,
    )


def _coordinates(features: Tensor) -> Floats:
    """(N, N) coordinates of centred rows in the space that they span.

    Distances and PCA are the same there, and an SVD of a million columns is spared.
    """
    count = len(features)
    if count < 4:
        raise ValueError(f"clusters need at least 4 rows of features, got {count}")
    if not features.isfinite().all():
        raise ValueError("the features of this layer are not all finite; are the weights right?")
    products = torch.zeros(count, count, dtype=torch.float64)
    squares = 0.0
    for part in features.split(CHUNK, dim=1):
        exact = part.double()
        squares += float(exact.square().sum())
        centred = exact - exact.mean(0)
        products += centred @ centred.T
    if float(products.trace()) <= LEAST * squares:
        raise ValueError(
            "the features of this layer are the same for all patches and degradations, so there "
            "is nothing to tell apart; name another layer"
        )
    values, vectors = torch.linalg.eigh(products)
    lengths = values.clamp(min=0).sqrt()
    rows: Floats = (vectors * lengths).numpy()
    return rows


def need_sklearn() -> None:
    """See that scikit-learn is there, before work begins.

    Raises:
        ImportError: It is not.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"clusters of features need scikit-learn, which is not installed: {INSTALL}"
        ) from error


def _pca(rows: Floats) -> tuple[Floats, float]:
    """(N, C) of (N, N), and the share of the variance that is left."""
    need_sklearn()
    from sklearn.decomposition import PCA

    components = min(COMPONENTS, len(rows) - 1)
    model = PCA(components, svd_solver="full", random_state=SEED)
    reduced: Floats = model.fit_transform(rows)
    share = model.explained_variance_ratio_.sum()
    return reduced, float(share)


def _tsne(reduced: Floats, perplexity: float) -> Floats:
    """(N, 2) of (N, C)."""
    from sklearn.manifold import TSNE

    model = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED)
    points = model.fit_transform(reduced)
    return points.astype(np.float64)


def _index(
    space: str, label: str, values: Floats, groups: Labels, permutations: int
) -> ClusterIndex:
    from sklearn.metrics import calinski_harabasz_score

    rng = np.random.default_rng(SEED)
    permuted = []
    for _ in range(permutations):
        shuffled = rng.permutation(groups)
        by_chance = calinski_harabasz_score(values, shuffled)
        permuted.append(float(by_chance))
    return ClusterIndex(
        space=space,
        label=label,
        index=float(calinski_harabasz_score(values, groups)),
        permuted_mean=float(np.mean(permuted)),
        permuted_largest=max(permuted),
    )
