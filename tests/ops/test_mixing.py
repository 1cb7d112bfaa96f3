"""A patchwork of two versions of an image."""

import torch

from mmisr.ops.mixing import patch_mix


def test_the_mix_has_patches_of_both():
    sr, hr = torch.zeros(3, 16, 24), torch.ones(3, 16, 24)
    from_sr = torch.tensor([[True, False], [False, True]])
    mix = patch_mix(sr, hr, from_sr)
    assert mix[:, :8, :12].sum() == 0
    assert mix[:, :8, 12:].mean() == 1
    assert mix[:, 8:, :12].mean() == 1
    assert mix[:, 8:, 12:].sum() == 0
