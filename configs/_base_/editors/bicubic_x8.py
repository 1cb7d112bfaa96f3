# Bicubic enlargement by 8: no weights, and next to no cost.
editor = dict(type="mmisr.Resample", scale=8, mode="bicubic")
