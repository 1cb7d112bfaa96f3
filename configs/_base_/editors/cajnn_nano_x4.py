# CAJNN-nano x4: 16 channels, growth 8, 2 RRDBs, 0.12 M weights.
editor = dict(type="mmisr.CAJNN", scale=4, size="nano")
