# The detector learns on degraded views around the test's factor, and to restore HR from them.
# Train: python tools/train.py \
#   configs/aeris/bicubic-x4_gfl_mobilenet-v2_aeris_aerial-cars.py
# Test:  python tools/test.py \
#   configs/aeris/bicubic-x4_gfl_mobilenet-v2_aeris_aerial-cars.py CHECKPOINT
_base_ = ["../resample/bicubic-x4_gfl_mobilenet-v2_finetuned_aerial-cars.py"]
model = dict(
    strategy=dict(
        _delete_=True,
        type="Aeris",
        views=dict(mode="nb", scale=(3, 5), multiple=4, antialias=True),
    ),
)
