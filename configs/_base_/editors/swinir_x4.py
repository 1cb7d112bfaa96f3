# SwinIR-light x4: 60 channels, 4 groups of 6 layers, windows of 8, 0.9 M weights; mmagic's
# swinir_x4s64w8d4e60. `checkpoint` takes mmagic's own files. LR sizes are padded to whole windows.
editor = dict(
    type="mmisr.PlainSR",
    scale=4,
    generator=dict(
        type="mmagic.SwinIRNet",
        upscale=4,
        in_chans=3,
        img_size=64,
        window_size=8,
        img_range=1.0,
        depths=[6, 6, 6, 6],
        embed_dim=60,
        num_heads=[6, 6, 6, 6],
        mlp_ratio=2,
        upsampler="pixelshuffledirect",
        resi_connection="1conv",
    ),
)
