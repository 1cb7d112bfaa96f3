# VOC2007. First:
# python tools/data/to_coco.py voc2007 data/VOCdevkit/VOC2007 --out data/VOCdevkit/VOC2007
_base_ = "coco_pair.py"
data_root = "data/VOCdevkit/VOC2007/"
metainfo = dict(classes=("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
    "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep",
    "sofa", "train", "tvmonitor"))  # fmt: skip
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(
    num_workers=4, dataset=dict(times=1, dataset=dict(ann_file="trainval.json", **data))
)
val_dataloader = dict(dataset=dict(ann_file="test.json", **data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="voc07", max_dets=None)
test_evaluator = val_evaluator
