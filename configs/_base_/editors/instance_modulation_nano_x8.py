# Instance modulation x8: 16 channels, 2 groups, 4 steps; 195,966 parameters.
editor = dict(type="mmisr.InstanceModulation", scale=8, size="nano", steps=4, prior="found")
