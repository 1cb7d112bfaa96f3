# SODA-D. First:
# python tools/data/to_coco.py sodad data/SODA-D --out data/SODA-D
_base_ = "coco_pair.py"
data_root = "data/SODA-D/"
metainfo = dict(classes=("people", "rider", "bicycle", "motor", "vehicle", "traffic-sign",
    "traffic-light", "traffic-camera", "warning-cone"))  # fmt: skip
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="sodad", max_dets=None)
test_evaluator = val_evaluator
