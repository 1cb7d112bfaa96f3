# ClassSR of three networks of residual units, 16, 24 and 32 channels wide.
editor = dict(
    type="mmisr.ClassSR",
    scale=4,
    branches=[
        dict(type="mmisr.ResidualSR", channels=16, scale=4),
        dict(type="mmisr.ResidualSR", channels=24, scale=4),
        dict(type="mmisr.ResidualSR", channels=32, scale=4),
    ],
)
