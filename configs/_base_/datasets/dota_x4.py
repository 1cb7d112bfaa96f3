# DOTA-v1.0, upright boxes. First:
# python tools/data/to_coco.py dota-v1.0 data/DOTA --out data/DOTA
_base_ = "coco_pair.py"
data_root = "data/DOTA/"
metainfo = dict(classes=("plane", "baseball-diamond", "bridge", "ground-track-field",
    "small-vehicle", "large-vehicle", "ship", "tennis-court", "basketball-court", "storage-tank",
    "soccer-ball-field", "roundabout", "harbor", "swimming-pool", "helicopter"))  # fmt: skip
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="coco")
test_evaluator = val_evaluator
