# AI-TOD-v2: the images of AI-TOD, annotated anew. First:
# python tools/data/to_coco.py aitodv2 data/AI-TOD --out data/AI-TOD/v2
_base_ = "coco_pair.py"
data_root = "data/AI-TOD/"
metainfo = dict(classes=("airplane", "bridge", "storage-tank", "ship", "swimming-pool", "vehicle",
    "person", "wind-mill"))  # fmt: skip
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(
    num_workers=4, dataset=dict(times=1, dataset=dict(ann_file="v2/trainval.json", **data))
)
val_dataloader = dict(dataset=dict(ann_file="v2/test.json", **data))
test_dataloader = val_dataloader
val_evaluator = dict(max_dets=None)
test_evaluator = val_evaluator
