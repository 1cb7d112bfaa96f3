# Bicubic pixels at test; trained on degraded views of HR, which a branch restores.
# Train: python tools/train.py \
#   configs/aeris/bicubic-x8_gfl_mobilenet-v2_aeris_drone-cars.py
# Test:  python tools/test.py \
#   configs/aeris/bicubic-x8_gfl_mobilenet-v2_aeris_drone-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
# The test's pixels, x8 and back by bicubic, lie in the range: with no blur, no noise and the
# bicubic kernel a view is what the pair makes of matlab_bicubic, which filters (antialias).
model = dict(
    strategy=dict(
        _delete_=True,
        type="Aeris",
        views=dict(mode="nb", scale=(6, 10), multiple=4, antialias=True),
        weight=0.4,
    ),
)
