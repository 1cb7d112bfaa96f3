# VisDrone-DET. First:
# python tools/data/to_coco.py visdrone data/VisDrone2019-DET --out data/VisDrone2019-DET
_base_ = "coco_pair.py"
data_root = "data/VisDrone2019-DET/"
metainfo = dict(classes=("pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle",
    "awning-tricycle", "bus", "motor"))  # fmt: skip
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
val_evaluator = dict(protocol="visdrone", max_dets=None)
test_evaluator = val_evaluator
