"""The order of tiles: every tile once, every image read once."""

import mmengine.dataset.sampler as mmengine_sampler
import pytest
from mmengine.runner import Runner

import mmisr.datasets.loading as loading
from mmisr.registry import DATASETS, SAMPLERS

IMAGES = tuple((f"{name}.png", 64, 48) for name in "abcde")


def tiles_of(folder, keep):
    return DATASETS.build(
        {
            "type": "mmisr.SRCocoDataset",
            "data_root": str(folder),
            "ann_file": "ann.json",
            "data_prefix": {"img": "images/"},
            "metainfo": {"classes": ("thing",)},
            "pipeline": [{"type": "mmisr.LoadImage", "keep": keep}],
            "tiles": {"size": 32, "overlap": 8},
        }
    )


def sampler_of(dataset, **more):
    return SAMPLERS.build({"type": "mmisr.ImageSampler", "dataset": dataset, "seed": 3, **more})


def test_an_image_is_read_once_an_epoch(coco, monkeypatch):
    reads = []
    real = loading.read_rgb
    monkeypatch.setattr(loading, "read_rgb", lambda path, *a: reads.append(path) or real(path, *a))
    dataset = tiles_of(coco(IMAGES), keep=2)
    assert len(dataset) == 6 * len(IMAGES)
    sampler = {"type": "mmisr.ImageSampler", "images_at_once": 2}
    loader = Runner.build_dataloader(
        {"dataset": dataset, "sampler": sampler, "batch_size": 3, "num_workers": 0},
        seed=3,
    )
    loader.collate_fn = list
    sampler = loader.sampler
    seen = [tile["img_id"] for batch in loader for tile in batch]
    assert sorted(seen) == list(range(1, 31))
    assert len(reads) == len({*reads}) == len(IMAGES)
    # Tiles of two images are mixed, and the next epoch has another order.
    paths = [dataset.get_data_info(index)["img_path"] for index in sampler]
    assert len({*paths[:12]}) == 2 and len({*paths[:6]}) == 2
    before = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != before


def test_processes_share_the_tiles(coco, monkeypatch):
    dataset = tiles_of(coco(IMAGES[:3]), keep=0)
    parts = []
    for rank in range(5):
        monkeypatch.setattr(mmengine_sampler, "get_dist_info", lambda rank=rank: (rank, 5))
        parts.append(list(sampler_of(dataset)))
    assert {len(part) for part in parts} == {4}
    assert {index for part in parts for index in part} == set(range(18))


def test_as_many_for_every_process_where_there_are_more_processes_than_tiles(coco, monkeypatch):
    dataset = tiles_of(coco((("a.png", 32, 32),), [[2, 2, 6, 6]]), keep=0)
    lengths = []
    for rank in range(4):
        monkeypatch.setattr(mmengine_sampler, "get_dist_info", lambda rank=rank: (rank, 4))
        sampler = sampler_of(dataset)
        lengths.append((len(list(sampler)), len(sampler)))
    assert len(dataset) == 1 and lengths == [(1, 1)] * 4


def test_no_image_at_once_is_none(coco):
    with pytest.raises(ValueError, match=r"ImageSampler.images_at_once must be >= 1, got 0"):
        sampler_of(tiles_of(coco(IMAGES[:1]), keep=0), images_at_once=0)
