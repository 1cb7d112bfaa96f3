# Path-Restore-nano for denoising: 16 channels, 4 blocks of two paths; half of the steps are wished.
editor = dict(
    type="mmisr.PathRestore",
    scale=1,
    size="nano",
    router="policy",
    policy=dict(target=0.5, cost=3e-5, eta=0.05, entropy=0.5),
)
