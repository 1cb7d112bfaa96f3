# Aerial cars (KIT AIS Vehicles, CC BY 3.0): `python tools/data/aerial_cars.py --src DIR`
_base_ = "coco_jpeg_editor.py"
data_root = "data/aerial_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img="images/"))
train_dataloader = dict(dataset=dict(**data))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
