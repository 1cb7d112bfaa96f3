# InstanceSR-nano x8: 32 channels, blocks of 1, 2 and 3 units, tokens of 8 LR pixels.
editor = dict(
    type="mmisr.InstanceSR",
    scale=8,
    size="nano",
    token_size=8,
    router="learned",
    execution=dict(halo=2, easy="exit1"),
)
