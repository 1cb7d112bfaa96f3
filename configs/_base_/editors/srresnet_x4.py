# SRResNet x4: 64 channels, 16 blocks, 1.5 M weights; mmagic's msrresnet_x4c64b16. `checkpoint`
# takes mmagic's own files.
editor = dict(
    type="mmisr.PlainSR",
    scale=4,
    generator=dict(
        type="mmagic.MSRResNet",
        in_channels=3,
        out_channels=3,
        mid_channels=64,
        num_blocks=16,
        upscale_factor=4,
    ),
)
