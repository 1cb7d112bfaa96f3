# The small EDSR x4 on a mix of degradations: a quarter each of its LR images is clean, blurred,
# noisy, or a JPEG. It has to know them by their looks: it is told nothing.
# Train: python tools/train.py configs/plain/edsr-small-x4_degraded_aerial-cars.py
# Test:  python tools/test.py configs/plain/edsr-small-x4_degraded_aerial-cars.py CHECKPOINT
# Its clusters after 250 iterations, measured here: docs/howto/look_inside.md
_base_ = "edsr-small-x4_aerial-cars.py"

mix = [
    [],
    dict(type="Blur", sigma=(0.5, 2.5), shape="iso"),
    dict(type="GaussianNoise", sigma=(5, 25)),
    dict(type="JPEG", quality=(10, 60)),
]
steps = [dict(type="Resize"), dict(type="OneOf", options=mix)]
train_pipeline = [
    dict(type="mmisr.LoadImage", keep=64),
    dict(type="mmdet.LoadAnnotations", with_bbox=True),
    dict(type="mmisr.RandomPatch", size=128, around_box=0.7),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmisr.RandomTurn"),
    dict(type="mmisr.SimulateLR", scale=4, seed=None, steps=steps),
    dict(type="mmisr.PackSRInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
