# ClassSR-nano x4 on patches of tree crowns; see classsr-nano-x4_aerial-cars.py.
# Classes: python tools/data/psnr_classes.py configs/resample/bicubic-x4_tree-crowns.py
#          --out data/tree_crowns/classes_x4.json
# Train:   python tools/train.py configs/classsr/classsr-nano-x4_tree-crowns.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/tree_crowns_x4_editor.py",
    "../_base_/editors/classsr_nano_x4.py",
    "../_base_/schedules/classsr_3stage.py",
]
model = _base_.editor
degrade = _base_.degrade
train_dataloader = dict(
    batch_size=48,
    dataset=dict(
        pipeline=[
            dict(type="mmisr.LoadImage", keep=64),  # patches are small, and files are not
            dict(type="mmdet.LoadAnnotations", with_bbox=True),
            dict(type="mmisr.ClassPatch", classes="data/tree_crowns/classes_x4.json"),
            dict(type="mmdet.RandomFlip", prob=0.5),
            dict(type="mmisr.RandomTurn"),
            *degrade,
        ]
    ),
)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=250),
    logger=dict(interval=50, log_metric_by_epoch=False),
)
