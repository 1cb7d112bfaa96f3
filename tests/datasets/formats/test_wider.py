"""WIDER FACE from its archives to COCO."""

import numpy as np
import pytest
from scipy.io import savemat

from mmisr.datasets.formats.source import FormatError

BLOCKS = (
    "0--Parade/0_Parade_a_1.jpg\n2\n10 12 20 16 2 0 1 0 1 0 \n30 5 8 9 0 1 0 1 0 1 \n"
    "0--Parade/0_Parade_a_2.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
    "1--Handshaking/1_Handshaking_b_3.jpg\n2\n5 5 0 9 0 0 0 0 0 0\n6 6 7 8 0 0 0 0 0 0\n"
)


@pytest.fixture
def archive(tmp_path, picture, text):
    root = tmp_path / "WIDERFace"
    for split in ("train", "val"):
        for line in BLOCKS.splitlines():
            if line.endswith(".jpg"):
                picture(root / f"WIDER_{split}/images" / line)
        text(root / f"wider_face_split/wider_face_{split}_bbx_gt.txt", BLOCKS)
    return root


def cells(values) -> np.ndarray:
    """A column of cells, as Matlab stores one."""
    column = np.empty((len(values), 1), object)
    column[:, 0] = values
    return column


def ground_truth(root, counts=((2, 0), (2,)), **chosen) -> None:
    """The .mat files of the published tool, for the images of :data:`BLOCKS`."""
    folder = root / "eval_tools/ground_truth"
    folder.mkdir(parents=True)
    files = cells([cells(["0_Parade_a_1", "0_Parade_a_2"]), cells(["1_Handshaking_b_3"])])
    faces = cells([cells([np.zeros((n, 4)) for n in event]) for event in counts])
    savemat(folder / "wider_face_val.mat", {"file_list": files, "face_bbx_list": faces})
    for subset, places in chosen.items():
        columns = [[np.array(p, np.uint8).reshape(-1, 1) for p in event] for event in places]
        content = {"gt_list": cells([cells(event) for event in columns])}
        savemat(folder / f"wider_{subset}_val.mat", content)


def test_faces_and_their_attributes(archive, convert, boxes):
    reports, read = convert("wider", archive)
    coco = read("train")
    assert boxes(coco, "0--Parade/0_Parade_a_1.jpg") == [
        ("face", [10, 12, 20, 16]),
        ("face", [30, 5, 8, 9]),
    ]
    plain, invalid, _ = coco.anns.values()
    assert plain["attributes"]["blur"] == 2 and plain["attributes"]["occlusion"] == 1
    assert "ignore" not in plain
    assert invalid["ignore"] == 1 and invalid["attributes"]["invalid"] == 1
    assert boxes(coco, "0--Parade/0_Parade_a_2.jpg") == []
    assert reports["train"].dropped == {"box without area": 1}
    assert "12880 images and 159424 annotations" in reports["train"].lines()[0]


def test_easy_medium_hard_from_the_published_tool(archive, convert):
    """Places count from 1, and faces without area count among them."""
    easy, medium = (((1,), ()), ((),)), (((1,), ()), ((2,),))
    ground_truth(archive, easy=easy, medium=medium, hard=(((1, 2), ()), ((2,),)))
    _, read = convert("wider", archive)
    subsets = [a["subsets"] for a in read("val").anns.values()]
    assert subsets == [["easy", "medium", "hard"], ["hard"], ["medium", "hard"]]
    assert all("subsets" not in a for a in read("train").anns.values())


def test_without_the_tool_that_is_said(archive, convert):
    reports, _ = convert("wider", archive)
    assert reports["val"].noted["no easy, medium, hard: eval_tools/ground_truth is not there"] == 1


def test_the_tool_may_come_later(archive, convert):
    convert("wider", archive)
    every = (((1, 2), ()), ((1, 2),))
    ground_truth(archive, easy=every, medium=every, hard=every)
    reports, _ = convert("wider", archive)
    assert [reports[name].done for name in ("train", "val")] == ["kept", "rewritten"]
    reports, _ = convert("wider", archive)
    assert not reports["val"].fresh


def test_the_tool_of_another_version(archive, convert):
    none = (((), ()), ((),))
    ground_truth(archive, counts=((3, 0), (2,)), easy=none, medium=none, hard=none)
    with pytest.raises(FormatError, match=r"line 1: faces must be those of .*lists 3, found 2"):
        convert("wider", archive)


def test_a_file_that_is_cut_off(archive, convert, text):
    path = archive / "wider_face_split/wider_face_train_bbx_gt.txt"
    text(path, "\n".join(BLOCKS.splitlines()[:3]))
    with pytest.raises(FormatError, match=r"line 1: 2 faces must follow, found 1\. Unpack again"):
        convert("wider", archive)
    text(path, "0--Parade/0_Parade_a_1.jpg\n10 12 20 16 2 0 1 0 1 0\n")
    with pytest.raises(FormatError, match=r"line 1: the name of an image must be followed"):
        convert("wider", archive)


def test_an_image_that_is_not_there(archive, convert):
    (archive / "WIDER_val/images/0--Parade/0_Parade_a_2.jpg").unlink()
    with pytest.raises(FormatError, match=r"line 5: an image must lie in .*0_Parade_a_2.jpg"):
        convert("wider", archive)
