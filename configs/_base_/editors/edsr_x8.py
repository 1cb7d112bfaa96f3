# EDSR baseline x8: as edsr_x4.py, one more PixelShuffle.
_base_ = "edsr_x4.py"
editor = dict(scale=8, generator=dict(upscale_factor=8))
