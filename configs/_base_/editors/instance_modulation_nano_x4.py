# Instance modulation x4: 16 channels, 2 groups, 4 steps; 93,566 parameters.
editor = dict(type="mmisr.InstanceModulation", scale=4, size="nano", steps=4, prior="found")
