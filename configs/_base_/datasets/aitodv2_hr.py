# AI-TOD-v2: the images of AI-TOD, annotated anew. First:
# python tools/data/to_coco.py aitodv2 data/AI-TOD --out data/AI-TOD/v2
_base_ = "aitod_hr.py"
train_dataloader = dict(dataset=dict(dataset=dict(ann_file="v2/trainval.json")))
val_dataloader = dict(dataset=dict(ann_file="v2/test.json"))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file="data/AI-TOD/v2/test.json")
test_evaluator = val_evaluator
