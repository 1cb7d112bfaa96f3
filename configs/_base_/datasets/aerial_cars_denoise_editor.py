# Aerial cars (KIT AIS Vehicles, CC BY 3.0) with Gaussian noise.
_base_ = "coco_denoise_editor.py"
data_root = "data/aerial_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=dict(data_prefix=dict(img="images/"), **data))
val_dataloader = dict(dataset=dict(data_prefix=dict(img="images/"), **data))
test_dataloader = val_dataloader
