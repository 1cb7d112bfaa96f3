# WIDER FACE. First:
# python tools/data/to_coco.py wider data/WIDERFace --out data/WIDERFace
_base_ = "coco_pair.py"
data_root = "data/WIDERFace/"
metainfo = dict(classes=("face",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="wider", max_dets=None)
test_evaluator = val_evaluator
