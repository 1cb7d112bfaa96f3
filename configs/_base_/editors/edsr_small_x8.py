# A small EDSR x8 that two CPU cores can train: 32 channels, 6 blocks, 0.4 M weights.
_base_ = "edsr_small_x4.py"
editor = dict(scale=8, generator=dict(upscale_factor=8))
