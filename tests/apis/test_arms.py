"""How arms are asked for: by name, by config, by file, or not at all."""

import json
from pathlib import Path

import pytest

from mmisr.analysis.comparison.arms import Arm, pair_config
from mmisr.analysis.comparison.named_arms import named_arms, standard_arms
from mmisr.apis.arms import read_arms
from mmisr.apis.configs import read_config
from mmisr.apis.pair_pareto import ways_of
from mmisr.openmmlab.stack import prepare
from mmisr.pipeline.settings import TestConfig
from mmisr.pipeline.slices import Slices

prepare()


ROOT = Path(__file__).parents[2]
EDITOR_CONFIG = str(ROOT / "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py")
TOLD = str(
    ROOT / "configs/instance_modulation/instance-modulation-nano-x4_gfl_mobilenet-v2_aerial-cars.py"
)
PAIR = str(ROOT / "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py")
DETECTOR = str(ROOT / "configs/detectors/gfl_mobilenet-v2_hr_tree-crowns.py")
INSTANCE_SR = {"type": "mmisr.InstanceSR", "scale": 4, "size": "nano"}
BICUBIC = {"type": "mmisr.Resample", "scale": 2, "mode": "bicubic"}


def names(arms):
    return [arm.name for arm in arms]


@pytest.fixture(scope="module", autouse=True)
def scope():
    read_config(PAIR)


def test_every_name_gives_its_arm():
    known = named_arms(INSTANCE_SR)
    assert names(read_arms(list(known), INSTANCE_SR)) == list(known)
    assert known["hr"].feed == "hr"
    assert known["lanczos"].editor == {"type": "mmisr.Resample", "scale": 4, "mode": "lanczos"}
    assert known["larger_input"].handoff == {"resize": {"factor": 4.0}}
    assert known["sliced"].slices == {"whole": True}
    assert known["sliced"].handoff == known["larger_input"].handoff


def test_an_editors_config_and_checkpoint_make_an_arm(tmp_path):
    (arm,) = read_arms([f"mine={EDITOR_CONFIG},{tmp_path / 'a.pth'}"], INSTANCE_SR)
    assert (arm.name, arm.editor["type"]) == ("mine", "mmisr.InstanceSR")
    assert arm.checkpoints == {"editor": str(tmp_path / "a.pth")}


def test_a_detector_of_its_own_brings_its_weights():
    (arm,) = read_arms([{"name": "own", "editor": BICUBIC, "detector": PAIR}], INSTANCE_SR)
    assert arm.detector["type"] == "GFL"
    assert arm.checkpoints == {"detector": "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"}
    config = pair_config(read_config(PAIR).model.to_dict(), arm)
    assert config["detector"] == arm.detector
    assert config["checkpoints"] == arm.checkpoints


def test_weights_of_the_whole_pair_go_where_they_belong():
    model = read_config(PAIR).model.to_dict()
    arms = {arm.name: arm for arm in standard_arms(model["editor"])}
    assert pair_config(model, arms["bicubic"], "whole.pth")["checkpoints"] == {
        "detector": "whole.pth"
    }
    assert pair_config(model, arms["instance_sr"], "whole.pth")["checkpoints"] == {
        "detector": "whole.pth",
        "editor": "whole.pth",
    }


def test_an_editor_that_is_told_what_is_where_is_told_it_in_a_comparison():
    """As in the pair; other editors of the comparison cost no first look."""
    model = read_config(TOLD).model.to_dict()
    prior = model["test_cfg"]["prior"]
    wanted = ["bicubic", "editor", "hr", {"name": "own", "prior": {"score_thr": 0.3}}]
    wanted[-1]["editor"] = model["editor"]
    arms = {arm.name: arm for arm in read_arms(wanted, model["editor"])}
    told = {name: pair_config(model, arm)["test_cfg"]["prior"] for name, arm in arms.items()}
    assert prior
    assert told == {"bicubic": None, "editor": prior, "hr": None, "own": {"score_thr": 0.3}}


def test_a_pairs_config_brings_its_first_look():
    other = {"name": "quiet", "config": TOLD, "prior": None}
    arms = read_arms([f"told={TOLD}", other, f"mine={PAIR}"], INSTANCE_SR)
    model = read_config(PAIR).model.to_dict()
    told = [pair_config(model, arm)["test_cfg"]["prior"] for arm in arms]
    assert told == [read_config(TOLD).model.test_cfg.prior, None, None]


def test_slices_of_the_config_are_those_of_every_arm_that_says_nothing_else():
    slices = {"slice_hw": (48, 64), "overlap": 0.34}
    model = {**read_config(PAIR).model.to_dict(), "test_cfg": {"slices": slices}}
    wanted = ["bicubic", "hr", "sliced", {"name": "mine"}, {"name": "mine_hr", "feed": "hr"}]
    wanted += [{"name": "whole", "slices": None}, {"name": "first", "prior": {}}]
    wanted += [{"name": "windows", "windows": {}}]
    arms = {arm.name: arm for arm in read_arms(wanted, INSTANCE_SR, slices=slices)}
    seen = {name: pair_config(model, arm)["test_cfg"]["slices"] for name, arm in arms.items()}
    assert seen["bicubic"] == seen["mine"] == seen["first"] == slices
    assert seen["hr"] == seen["mine_hr"]
    assert seen["sliced"] == {"whole": True}
    assert seen["whole"] is None and seen["windows"] is None
    # The oracle sees the same parts: 3x3 slices share 16 rows of 48, which are no 0.34 of them.
    lr = Slices(**seen["bicubic"]).grid((112, 150)).windows()
    hr = Slices(**seen["hr"]).grid((448, 600)).windows()
    assert hr.tolist() == (4 * lr).tolist()
    every = Slices(**{**seen["hr"], "slice_hw": None}).grid((448, 600)).windows()
    assert len(every) == 4
    standard = {arm.name: arm.slices for arm in standard_arms(INSTANCE_SR, slices=slices)}
    assert standard == {**dict.fromkeys(standard, slices), "hr": seen["hr"]}


def test_whole_frames_stay_whole_whatever_the_config_slices():
    slices = {"per_axis": 3}
    model = {**read_config(PAIR).model.to_dict(), "test_cfg": {"slices": slices}}
    found = {way.family: pair_config(model, way.arm)["test_cfg"] for way in ways_of(model, [0.1])}
    assert found["whole frames"]["slices"] is found["windows"]["slices"] is None
    assert found["sliced"]["slices"] == {"per_axis": 3}
    for test_cfg in found.values():
        TestConfig(**test_cfg)


@pytest.mark.parametrize("ending", [".py", ".json"])
def test_a_file_lists_arms(tmp_path, ending):
    path = tmp_path / f"arms{ending}"
    listed = ["lr", {"name": "x2", "editor": BICUBIC}]
    path.write_text(json.dumps({"arms": listed}) if ending == ".json" else f"arms = {listed!r}")
    assert names(read_arms([str(path), "hr"], INSTANCE_SR)) == ["lr", "x2", "hr"]


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (["lr", "lr"], ValueError, r"each by a name of its own, got \['lr', 'lr'\]"),
        (["bicubik"], ValueError, "arm 'bicubik' is unknown: use one of"),
        (["none.json"], FileNotFoundError, "there is no file none.json of arms"),
        (["x=none.py"], FileNotFoundError, "config none.py does not exist"),
        ([{"editor": BICUBIC}], ValueError, "an arm has a name"),
        ([{"name": "x", "editr": BICUBIC}], ValueError, r"unknown: \['editr'\]"),
        ([], ValueError, "arms must be at least one"),
        (
            [{"name": "x", "sliced": {"factor": 4.0}}],
            ValueError,
            r"`sliced` of arm 'x' is called `slices` now, .*handoff=.*sahi=.*whole=True",
        ),
        (
            [DETECTOR],
            ValueError,
            r"must hold a list `arms`, found NoneType; a model's config goes as NAME=",
        ),
    ],
)
def test_what_is_no_arm(wanted, error, message):
    with pytest.raises(error, match=message):
        read_arms(wanted, INSTANCE_SR)


def test_an_arm_may_be_given_as_it_is():
    arm = Arm("mine", BICUBIC)
    assert read_arms([arm], INSTANCE_SR) == [arm]
