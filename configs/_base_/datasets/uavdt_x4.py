# UAVDT, detection. First:
# python tools/data/to_coco.py uavdt data/UAVDT --out data/UAVDT
_base_ = "coco_pair.py"
data_root = "data/UAVDT/"
metainfo = dict(classes=("car", "truck", "bus"))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(ann_file="test.json", **data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="coco")
test_evaluator = val_evaluator
