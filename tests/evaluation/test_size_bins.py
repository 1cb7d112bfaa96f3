import pytest

from mmisr.evaluation.size_bins import INFINITE, PROTOCOLS, protocol_named


@pytest.mark.parametrize(
    ("name", "edges", "max_dets"),
    [
        ("coco", {"small": (0, 1024), "medium": (1024, 9216), "large": (9216, 1e10)}, 100),
        (
            "aitod",
            {"very_tiny": (0, 64), "tiny": (64, 256), "small": (256, 1024), "medium": (1024, 1e10)},
            1500,
        ),
    ],
)
def test_published_numbers(name, edges, max_dets):
    protocol = protocol_named(name)
    assert dict(protocol.bins) == edges
    assert protocol.max_dets == max_dets


@pytest.mark.parametrize("name", PROTOCOLS)
def test_bins_cover_every_size_without_gaps(name):
    spans = list(PROTOCOLS[name].bins.values())
    assert spans[0][0] == 0
    assert spans[-1][1] == INFINITE
    assert all(one[1] == two[0] for one, two in zip(spans, spans[1:], strict=False))
    assert next(iter(PROTOCOLS[name].ranges().items())) == ("all", (0, INFINITE))


def test_bins_cannot_be_changed_in_passing():
    with pytest.raises(TypeError):
        protocol_named("coco").bins["tiny"] = (0, 1)


def test_unknown_protocol_is_named():
    with pytest.raises(ValueError, match=r"protocol must be one of \['aitod', 'coco'\], got 'voc'"):
        protocol_named("voc")
