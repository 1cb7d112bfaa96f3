# RRDB x4, the network of ESRGAN: 64 channels, 23 blocks, 16.7 M weights; mmagic's
# esrgan_psnr-x4c64b23g32. `checkpoint` takes mmagic's own files, trained for PSNR or as a GAN.
editor = dict(
    type="mmisr.PlainSR",
    scale=4,
    generator=dict(
        type="mmagic.RRDBNet",
        in_channels=3,
        out_channels=3,
        mid_channels=64,
        num_blocks=23,
        growth_channels=32,
        upscale_factor=4,
    ),
)
