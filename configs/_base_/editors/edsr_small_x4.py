# A small EDSR x4 that a CPU core can train in minutes: 32 channels, 6 blocks, 0.2 M weights.
editor = dict(
    type="mmisr.PlainSR",
    scale=4,
    generator=dict(
        type="mmagic.EDSRNet",
        in_channels=3,
        out_channels=3,
        mid_channels=32,
        num_blocks=6,
        upscale_factor=4,
        res_scale=1,
        rgb_mean=[0.4488, 0.4371, 0.4040],
        rgb_std=[1.0, 1.0, 1.0],
    ),
)
