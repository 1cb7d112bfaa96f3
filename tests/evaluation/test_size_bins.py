import pytest

from mmisr.evaluation.size_bins import (
    INFINITE,
    PROTOCOLS,
    UNCAPPED,
    cap_text,
    deviations,
    protocol_named,
)


@pytest.mark.parametrize(
    ("name", "edges", "max_dets"),
    [
        ("coco", {"small": (0, 1024), "medium": (1024, 9216), "large": (9216, 1e10)}, 100),
        (
            "aitod",
            {"very_tiny": (0, 64), "tiny": (64, 256), "small": (256, 1024), "medium": (1024, 1e10)},
            1500,
        ),
        (
            "tinyperson",
            {
                **{"tiny": (1, 400), "tiny1": (1, 64), "tiny2": (64, 144), "tiny3": (144, 400)},
                **{"small": (400, 1024), "reasonable": (1024, 1e10)},
            },
            200,
        ),
        (
            "sodad",
            {
                **{"small": (0, 1024), "eS": (0, 144), "rS": (144, 400), "gS": (400, 1024)},
                "normal": (1024, 2000),
            },
            20_000,
        ),
    ],
)
def test_published_numbers(name, edges, max_dets):
    protocol = protocol_named(name)
    assert dict(protocol.bins) == edges
    assert protocol.max_dets == max_dets


@pytest.mark.parametrize("name", PROTOCOLS)
def test_bins_cover_every_size_without_gaps(name):
    """But for those that hold others, and for SODA-D, which leaves large objects out."""
    protocol = PROTOCOLS[name]
    holds_others = {"tinyperson": ["tiny"], "sodad": ["small"]}.get(name, [])
    spans = [span for name, span in protocol.bins.items() if name not in holds_others]
    assert spans[0][0] == protocol.whole[0]
    assert spans[-1][1] == (2000 if name == "sodad" else INFINITE)
    assert all(one[1] == two[0] for one, two in zip(spans, spans[1:], strict=False))
    assert next(iter(protocol.ranges().items())) == ("all", protocol.whole)
    assert protocol.whole == (1 if name == "tinyperson" else 0, INFINITE)


def test_subsets_stand_beside_the_sizes():
    wider = protocol_named("wider")
    subsets = ["easy", "medium", "hard"]
    assert list(wider.ranges()) == ["all", *subsets, "small_size", "medium_size", "large_size"]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_range_hides_another(name):
    protocol = PROTOCOLS[name]
    assert len(protocol.ranges()) == 1 + len(protocol.bins) + len(protocol.ignoring.subsets)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_deviations_are_said(name):
    protocol = protocol_named(name)
    official = deviations(protocol, "source", "annotation", protocol.max_dets)
    assert official == list(protocol.notes)
    ours = deviations(protocol, "lr", "annotation", 7)
    assert ours[2:] == official
    assert ours[0] == "sizes are measured in pixels of the LR image, not of the file (frame='lr')"
    assert ours[1].startswith("max_dets 7, where the protocol has ")


def test_the_size_of_a_box_deviates_where_the_benchmark_has_bins():
    assert "area_source='box'" in deviations(protocol_named("coco"), "source", "box")[0]
    assert "area_source" not in str(deviations(protocol_named("voc"), "source", "box"))


def test_cocos_own_code_counts_coco_and_aitod_alone():
    assert [name for name, each in PROTOCOLS.items() if each.is_coco] == ["coco", "aitod"]
    assert (cap_text(100), cap_text(UNCAPPED)) == ("max_dets 100", "no cap on detections")


def test_bins_cannot_be_changed_in_passing():
    with pytest.raises(TypeError):
        protocol_named("coco").bins["tiny"] = (0, 1)


def test_unknown_protocol_is_named():
    with pytest.raises(ValueError, match=r"protocol must be one of \['aitod', .*\], got 'kitti'"):
        protocol_named("kitti")
