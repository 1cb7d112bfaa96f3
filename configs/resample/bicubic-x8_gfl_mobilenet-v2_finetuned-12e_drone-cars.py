# Row A0+: as A0, twice as long: is a gain no more than length?
# Train: python tools/train.py \
#   configs/resample/bicubic-x8_gfl_mobilenet-v2_finetuned-12e_drone-cars.py
# Test:  python tools/test.py \
#   configs/resample/bicubic-x8_gfl_mobilenet-v2_finetuned-12e_drone-cars.py CHECKPOINT
_base_ = ["bicubic-x8_gfl_mobilenet-v2_finetuned_drone-cars.py"]
max_epochs = 12
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(
        type="CosineAnnealingLR",
        eta_min=1e-6,
        begin=0,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
