import pytest
import torch

from mmisr.evaluation.functional.routing_shares import routing_shares
from mmisr.structures.sr_result import RoutingMap


@pytest.mark.parametrize(
    ("exits", "expected"),
    [
        ([[[0]]], (1, 0, 0)),
        ([[[2, 2], [2, 2]]], (0, 0, 1)),
        ([[[0, 1], [1, 2]], [[0, 0], [0, 0]]], (0.625, 0.25, 0.125)),
    ],
)
def test_shares(exits, expected):
    found = routing_shares(RoutingMap(torch.tensor(exits), token_size=8))
    assert tuple(found) == ("tokens_easy", "tokens_moderate", "tokens_hard")
    assert tuple(found.values()) == expected


def test_other_numbers_of_exits():
    assert routing_shares(RoutingMap(torch.tensor([[[0, 1, 1, 1]]]), 8, ("early", "late"))) == {
        "tokens_early": 0.25,
        "tokens_late": 0.75,
    }
