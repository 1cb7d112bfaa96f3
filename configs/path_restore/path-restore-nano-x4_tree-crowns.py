# Path-Restore-nano x4 alone on tree crowns, both stages. Not trained here.
# Train: python tools/train.py configs/path_restore/path-restore-nano-x4_tree-crowns.py
# Test:  python tools/test.py configs/path_restore/path-restore-nano-x4_tree-crowns.py CHECKPOINT
_base_ = ["./path-restore-nano-x4_aerial-cars.py"]
data_root = "data/tree_crowns/"
data = dict(data_root=data_root, metainfo=dict(classes=("tree",)))
train_dataloader = dict(dataset=dict(data_prefix=dict(img="train/"), **data))
val_dataloader = dict(dataset=dict(data_prefix=dict(img="val/"), **data))
test_dataloader = val_dataloader
