# COCO 2017, which mmdet's data set knows by itself. Is all of it there?
# python tools/data/to_coco.py coco data/coco --out work_dirs
_base_ = "coco_hr.py"
data = dict(data_root="data/coco/")
train = dict(ann_file="annotations/instances_train2017.json", data_prefix=dict(img="train2017/"))
val = dict(ann_file="annotations/instances_val2017.json", data_prefix=dict(img="val2017/"))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**train, **data)))
val_dataloader = dict(dataset=dict(**val, **data))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file="data/coco/" + val["ann_file"])
test_evaluator = val_evaluator
