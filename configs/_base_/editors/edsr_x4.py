# EDSR baseline x4: 64 channels, 16 blocks, 1.5 M weights; mmagic's edsr_x4c64b16. `checkpoint`
# takes mmagic's own files.
editor = dict(
    type="mmisr.PlainSR",
    scale=4,
    generator=dict(
        type="mmagic.EDSRNet",
        in_channels=3,
        out_channels=3,
        mid_channels=64,
        num_blocks=16,
        upscale_factor=4,
        res_scale=1,
        rgb_mean=[0.4488, 0.4371, 0.4040],
        rgb_std=[1.0, 1.0, 1.0],
    ),
)
