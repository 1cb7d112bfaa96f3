# InstanceSR-base x4: 64 channels, blocks of 2, 6 and 8 units, tokens of 8 LR pixels.
editor = dict(
    type="mmisr.InstanceSR",
    scale=4,
    size="base",
    token_size=8,
    router="learned",
    execution=dict(halo=2, easy="exit1"),
)
