"""The same LR pixels in every worker count and order, from a real loader."""

import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmisr.datasets.coco import SRCocoDataset

PIPELINE = [
    {"type": "mmisr.LoadImage"},
    {"type": "mmdet.LoadAnnotations", "with_bbox": True},
    {"type": "mmisr.CropToMultiple", "multiple": 4},
    {
        "type": "mmisr.SimulateLR",
        "scale": 4,
        "blur_sigma": (0.2, 2),
        "noise_sigma": (1, 5),
        "jpeg_quality": (30, 90),
    },
    {"type": "mmisr.PackSRDetInputs"},
]


@pytest.fixture
def dataset(coco) -> SRCocoDataset:
    root = coco(images=[(f"{i}.png", 48 + i, 40) for i in range(6)])
    data = {"ann_file": "ann.json", "data_root": str(root), "data_prefix": {"img": "images/"}}
    return SRCocoDataset(
        **data, metainfo={"classes": ("thing",)}, pipeline=PIPELINE, test_mode=True
    )


def lr_by_id(dataset, workers: int, order: list[int], batch: int) -> dict[int, torch.Tensor]:
    loader = DataLoader(
        dataset, batch, sampler=order, num_workers=workers, collate_fn=pseudo_collate
    )
    return {
        s.img_id: x for b in loader for x, s in zip(b["inputs"], b["data_samples"], strict=True)
    }


@pytest.mark.parametrize(
    ("workers", "order", "batch"), [(0, [5, 3, 1, 0, 2, 4], 3), (2, [0, 1, 2, 3, 4, 5], 1)]
)
def test_pixels_do_not_depend_on_workers_order_or_batch(dataset, workers, order, batch):
    expected = lr_by_id(dataset, 0, list(range(6)), 1)
    found = lr_by_id(dataset, workers, order, batch)
    assert found.keys() == expected.keys() == set(range(1, 7))
    assert all(torch.equal(found[i], expected[i]) for i in expected)
