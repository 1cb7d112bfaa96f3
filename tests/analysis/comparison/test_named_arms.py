"""The arms that have names: which there are for an editor, and what each feeds the detector."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmisr.analysis.comparison.arms import WINDOWS
from mmisr.analysis.comparison.named_arms import named_arms, router_arms, standard_arms
from mmisr.openmmlab.stack import prepare
from mmisr.pipeline.handoff import Handoff, Resize

prepare()

from mmdet.datasets.transforms import Resize as MMDetResize

INSTANCE_SR = {"type": "mmisr.InstanceSR", "scale": 4, "size": "nano"}
BICUBIC = {"type": "mmisr.Resample", "scale": 2, "mode": "bicubic"}


def names(arms):
    return [arm.name for arm in arms]


@pytest.fixture(scope="module", autouse=True)
def scope():
    init_default_scope("mmisr")


def test_the_standard_arms_depend_on_the_editor():
    assert names(standard_arms(INSTANCE_SR)) == [
        "lr",
        "bicubic",
        "instance_sr",
        "instance_sr_all_hard",
        "hr",
    ]
    assert names(standard_arms(BICUBIC)) == ["lr", "bicubic", "editor", "hr"]


def test_a_pair_with_windows_is_compared_in_them_too():
    arms = standard_arms(INSTANCE_SR, {"margin": 8})
    assert names(arms)[-2:] == ["instance_sr_windows", "hr"]
    assert arms[-2].windows == {"margin": 8}
    assert [arm.name for arm in arms if arm.windows is None][:4] == names(arms)[:4]


def test_the_oracle_router_and_its_kin_share_a_histogram():
    arms = {arm.name: arm for arm in router_arms(INSTANCE_SR, (0.5, 0.2, 0.3))}
    assert arms["random"].editor["router"] == {"type": "random", "shares": [0.5, 0.2, 0.3]}
    assert arms["detector_prior"].prior == {}


def test_larger_input_is_mmdets_own_resize():
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 255, (12, 17, 3), dtype=np.uint8), (51, 37))
    handoff = Handoff(**named_arms(INSTANCE_SR)["larger_input"].handoff)
    assert handoff.resize == Resize(factor=4.0)
    ours = handoff.resize(torch.from_numpy(image).permute(2, 0, 1).float()).permute(1, 2, 0).numpy()
    theirs = MMDetResize(scale_factor=4.0, keep_ratio=True)({"img": image})["img"]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1.0  # cv2 rounds to 8 bits on the way


def test_the_arm_in_windows_has_the_windows_of_the_config():
    arm = named_arms(INSTANCE_SR)[f"instance_sr{WINDOWS}"]
    assert arm.windows == {}
    assert arm.editor == named_arms(INSTANCE_SR)["instance_sr"].editor
    given = {"margin": 4}
    assert named_arms(INSTANCE_SR, given)[arm.name].windows == given


def test_with_a_router_of_their_own_windows_leave_the_editor_as_it_is():
    windows = {"router": {"type": "mmisr.InstanceRouter"}}
    dense = {**INSTANCE_SR, "router": "all-hard"}
    assert named_arms(dense, windows)[f"instance_sr{WINDOWS}"].editor == dense
    plain = {"type": "mmisr.Resample", "scale": 4}
    assert named_arms(plain, windows)[f"editor{WINDOWS}"].windows == windows
    assert f"editor{WINDOWS}" not in named_arms(plain)
