# TinyPerson. First:
# python tools/data/to_coco.py tinyperson data/tiny_set --out data/tiny_set
_base_ = "coco_pair.py"
data_root = "data/tiny_set/"
metainfo = dict(classes=("person",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(ann_file="test.json", **data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="tinyperson", max_dets=None)
test_evaluator = val_evaluator
