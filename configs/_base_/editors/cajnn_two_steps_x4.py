# Artifact removal, then x4 SR: two networks in a row, together as many weights (119,368) as
# CAJNN-nano x4 (119,651).
editor = dict(
    type="mmisr.EditorChain",
    scale=4,
    editors=[
        dict(type="mmisr.CAJNN", scale=1, size=dict(channels=14, growth=7, blocks=1)),
        dict(type="mmisr.CAJNN", scale=4, size=dict(channels=16, growth=8, blocks=1)),
    ],
)
