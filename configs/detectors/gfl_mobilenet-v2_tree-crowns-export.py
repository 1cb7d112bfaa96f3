# A plain mmdet detector on a data set that `tools/export_sr.py` wrote: mmdet's own data set,
# transforms and metric.
# Export: python tools/export_sr.py \
#   configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py \
#           --out-dir work_dirs/export/tree-crowns-val
# Test:   python tools/test.py configs/detectors/gfl_mobilenet-v2_tree-crowns-export.py \
#           checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth
# For training: export --split train to work_dirs/export/tree-crowns-train.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_hr.py",
    "../_base_/detectors/gfl_mobilenet-v2_gn_1class.py",
]
model = _base_.detector
model.backbone.init_cfg = None

train_root = "work_dirs/export/tree-crowns-train/"
val_root = "work_dirs/export/tree-crowns-val/"
exported = dict(ann_file="annotations.json", data_prefix=dict(img="images/"))
train_dataloader = dict(dataset=dict(dataset=dict(data_root=train_root, **exported)))
val_dataloader = dict(dataset=dict(data_root=val_root, **exported))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=val_root + "annotations.json")
test_evaluator = val_evaluator
