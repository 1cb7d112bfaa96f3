"""The one reader: a pair's sample, an editor's, and both as dicts, of one image, say the same."""

import numpy as np
import pytest
import torch
from mmagic.structures import DataSample as MagicDataSample

from mmisr.datasets.packing import PackSRDetInputs, PackSRInputs
from mmisr.openmmlab.samples import (
    annotated_boxes,
    hints_from,
    hints_of,
    hr_pixels,
    image_seed,
    source_hw,
)

BOXES = np.array([[4.0, 8.0, 21.0, 30.0], [0.0, 0.0, 5.0, 5.0]], dtype=np.float32)


def packed(packer) -> dict:
    """40 x 64 pixels with an LR image of a quarter."""
    rng = np.random.default_rng(0)
    return packer().transform(
        {
            "img": rng.integers(0, 256, (40, 64, 3), dtype=np.uint8),
            "lr": rng.integers(0, 256, (10, 16, 3), dtype=np.uint8),
            "lr_shape": (10, 16),
            "has_hr": True,
            "gt_bboxes": BOXES.copy(),
            "gt_bboxes_labels": np.zeros(2, dtype=np.int64),
            "gt_ignore_flags": np.zeros(2, dtype=bool),
            "img_id": 7,
            "img_path": "7.png",
        }
    )


def samples() -> list:
    pair, editor = (packed(packer)["data_samples"] for packer in (PackSRDetInputs, PackSRInputs))
    return [pair, editor, pair.to_dict(), editor.to_dict()]


@pytest.mark.parametrize(
    "index", range(4), ids=["pair", "editor", "pair as dict", "editor as dict"]
)
class TestEveryFormat:
    def test_the_same_image_and_frame(self, index):
        sample = samples()[index]
        assert source_hw(sample) == (40, 64)
        assert torch.equal(hr_pixels(sample), samples()[0].hr)

    def test_the_same_boxes_in_either_frame(self, index):
        sample = samples()[index]
        assert torch.equal(annotated_boxes(sample, "source"), torch.from_numpy(BOXES))
        torch.testing.assert_close(
            annotated_boxes(sample, "lr", (10, 16)), torch.from_numpy(BOXES) / 4
        )

    def test_the_same_hints(self, index):
        hints = hints_of(samples()[index], (10, 16))
        torch.testing.assert_close(hints.boxes_lr, torch.from_numpy(BOXES) / 4)
        assert (hints.seed, hints.lr_hw) == (image_seed(7), (10, 16))


def test_a_stacked_batch_of_mmagic_is_read_image_by_image():
    one, two = (packed(PackSRInputs)["data_samples"] for _ in range(2))
    two.set_metainfo({"img_id": 8, "boxes_lr": BOXES[:1] / 4})
    stacked = MagicDataSample.stack([one, two])
    hints = hints_from(stacked, (10, 16))
    assert [h.seed for h in hints] == [image_seed(7), image_seed(8)]
    assert [len(h.boxes_lr) for h in hints] == [2, 1]
    torch.testing.assert_close(hints[0].boxes_lr, torch.from_numpy(BOXES) / 4)
    assert [h.seed for h in hints_from([one, two], (10, 16))] == [h.seed for h in hints]
    assert hints_from(None, (10, 16)) is None


def test_native_lr_and_images_without_annotations(sample_of):
    native = sample_of((10, 16), [[1.0, 2.0, 3.0, 4.0]])
    assert hr_pixels(native) is None
    assert annotated_boxes(native, "lr", (10, 16)).tolist() == [[1.0, 2.0, 3.0, 4.0]]
    del native.gt_instances
    assert annotated_boxes(native, "source") is None
    assert hints_of(native, (10, 16)).boxes_lr is None


def test_the_lr_frame_needs_a_size():
    with pytest.raises(ValueError, match="needs lr_hw"):
        annotated_boxes(samples()[0], "lr")


def test_a_sample_without_a_frame_is_named():
    with pytest.raises(ValueError, match="neither `source_shape` nor `ori_shape`.*PackSRDetInputs"):
        source_hw({"boxes_source": BOXES})
