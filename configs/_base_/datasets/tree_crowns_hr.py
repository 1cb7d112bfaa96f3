# Tree crowns (DeepForest, MIT): `python tools/data/tree_crowns.py`
_base_ = "coco_hr.py"
data_root = "data/tree_crowns/"
metainfo = dict(classes=("tree",))
data = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=dict(dataset=dict(data_prefix=dict(img="train/"), **data)))
val_dataloader = dict(dataset=dict(data_prefix=dict(img="val/"), **data))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + "val.json")
test_evaluator = val_evaluator
