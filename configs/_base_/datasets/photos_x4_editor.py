# Natural photos that scikit-image ships: `python tools/data/photos.py`
_base_ = "coco_editor.py"
data_root = "data/photos/"
metainfo = dict(classes=("none",))
data = dict(data_root=data_root, metainfo=metainfo, need_boxes=False)
train_dataloader = dict(dataset=dict(data_prefix=dict(img="train/"), **data))
val_dataloader = dict(dataset=dict(data_prefix=dict(img="val/"), **data))
test_dataloader = val_dataloader
