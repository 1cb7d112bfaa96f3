# Drone cars (CC BY-SA): `python tools/data/drone_cars.py --src DIR`
_base_ = "coco_pair.py"
data_root = "data/drone_cars/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=dict(dataset=dict(data_prefix=dict(img="images/"), **data)))
val_dataloader = dict(dataset=dict(data_prefix=dict(img="images/"), **data))
test_dataloader = val_dataloader
