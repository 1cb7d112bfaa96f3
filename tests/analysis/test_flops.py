"""Costs of several images as one; what each part costs is tested through the tool."""

import pytest

from mmisr.analysis.flops import PartCost, mean_costs


def test_means_of_the_same_parts():
    first = [PartCost("editor", 1.0, 2.0), PartCost("detector GFL at 64x64", 4.0, 3.0)]
    second = [PartCost("editor", 3.0, 2.0), PartCost("detector GFL at 64x96", 6.0, 3.0)]
    assert mean_costs([first]) == first
    assert mean_costs([first, second]) == [
        PartCost("editor", 2.0, 2.0),
        PartCost("detector GFL", 5.0, 3.0),  # of two sizes
    ]


def test_images_have_the_same_parts():
    with pytest.raises(ValueError, match="shorter"):
        mean_costs([[PartCost("editor", 1.0, 2.0)], []])
