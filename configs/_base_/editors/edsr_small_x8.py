# A small EDSR x8 that two CPU cores can train: 32 channels, 6 blocks, 0.4 M weights.
editor = dict(
    type="mmisr.PlainSR",
    scale=8,
    generator=dict(
        type="mmagic.EDSRNet",
        in_channels=3,
        out_channels=3,
        mid_channels=32,
        num_blocks=6,
        upscale_factor=8,
        res_scale=1,
        rgb_mean=[0.4488, 0.4371, 0.4040],
        rgb_std=[1.0, 1.0, 1.0],
    ),
)
