# xView's vehicles. First:
# python tools/data/to_coco.py xview data/xView --out data/xView
_base_ = "coco_pair.py"
data_root = "data/xView/"
metainfo = dict(classes=("vehicle",))
data = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img=""))
train_dataloader = dict(num_workers=4, dataset=dict(times=1, dataset=dict(**data)))
val_dataloader = dict(dataset=dict(**data))
test_dataloader = val_dataloader
