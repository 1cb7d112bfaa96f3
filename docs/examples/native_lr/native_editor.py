# An editor for such images, trained on HR images that are made as bad as they are: blur, noise and
# JPEG, drawn afresh in every epoch.
# Train: python tools/train.py docs/examples/native_lr/native_editor.py
_base_ = ["../tutorial/my_editor.py"]

degrade = [
    dict(type="mmisr.CropToMultiple", multiple=4),
    dict(
        type="mmisr.SimulateLR",
        scale=4,
        recipe="cv2_area",
        blur_sigma=(0.2, 2.0),
        noise_sigma=(0.0, 8.0),
        jpeg_quality=(60, 95),
        seed=None,
    ),
    dict(type="mmisr.PackSRInputs"),
]
augment = [
    dict(type="mmisr.RandomPatch", size=160, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
]
train_dataloader = dict(dataset=dict(pipeline=[*_base_.load, *augment, *degrade]))
