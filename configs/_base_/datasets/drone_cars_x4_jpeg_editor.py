# Drone cars (CC BY-SA): `python tools/data/drone_cars.py --src DIR`
_base_ = "coco_jpeg_editor.py"
data_root = "data/drone_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img="images/"))
train_dataloader = dict(dataset=dict(**data))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
