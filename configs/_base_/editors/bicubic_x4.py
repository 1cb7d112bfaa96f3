# Bicubic interpolation x4 (MATLAB's kernel, a = -0.5): the baseline that every SR method must beat.
# No weights.
editor = dict(type="mmisr.Resample", scale=4, mode="bicubic")
