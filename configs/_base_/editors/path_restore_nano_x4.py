# Path-Restore-nano x4 by a PixelShuffle: 16 channels, 4 blocks of two paths.
editor = dict(
    type="mmisr.PathRestore",
    scale=4,
    size="nano",
    router="policy",
    policy=dict(target=0.5, cost=3e-5, eta=0.05, entropy=0.5),
)
