# SFTGAN-nano x8: 16 channels, 6 residual blocks with SFT, on top of a bilinear skip; the map is
# what the pair's detector found before SR.
editor = dict(type="mmisr.SFTGAN", scale=8, num_classes=1, size="nano", prior="found")
