# Bicubic interpolation x2 (MATLAB's kernel, a = -0.5): the baseline that every SR method must beat.
# No weights.
editor = dict(type="mmisr.Resample", scale=2, mode="bicubic")
