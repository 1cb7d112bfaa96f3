# The row beside AERIS: the same degraded views, and no branch.
# Train: python tools/train.py \
#   configs/aeris/bicubic-x8_gfl_mobilenet-v2_degraded-only_drone-cars.py
# Test:  python tools/test.py \
#   configs/aeris/bicubic-x8_gfl_mobilenet-v2_degraded-only_drone-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
model = dict(
    strategy=dict(
        _delete_=True,
        type="Aeris",
        views=dict(mode="nb", scale=(6, 10), multiple=4, antialias=True),
        weight=0.0,
    ),
)
