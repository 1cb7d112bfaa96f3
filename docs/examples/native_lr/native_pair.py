# Your detector behind an editor, on images that are LR already: nothing is reduced.
# Train: python tools/train.py docs/examples/native_lr/native_pair.py
_base_ = ["../tutorial/my_bicubic.py"]

native = [dict(type="mmisr.NativeLR"), dict(type="mmisr.PackSRDetInputs")]
# Sizes are in LR pixels now.
augment = [
    dict(type="mmisr.RandomPatch", size=64, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
train_dataloader = dict(dataset=dict(pipeline=[*_base_.load, *augment, *native]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.load, *native]))
test_dataloader = val_dataloader
