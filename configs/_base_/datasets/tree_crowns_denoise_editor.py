# Tree crowns (DeepForest, MIT) with Gaussian noise: `python tools/data/tree_crowns.py`
_base_ = "coco_denoise_editor.py"
data_root = "data/tree_crowns/"
metainfo = dict(classes=("tree",))
data = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=dict(data_prefix=dict(img="train/"), **data))
val_dataloader = dict(dataset=dict(data_prefix=dict(img="val/"), **data))
test_dataloader = val_dataloader
