"""The corruptions: five severities each, the later the worse."""

import pytest
import torch
from skimage import data

from mmisr.degradation.corruptions import CORRUPTIONS, SEVERITIES, corruption


@pytest.fixture(scope="module")
def lr() -> torch.Tensor:
    """(1, 3, 90, 121) in [0, 1]."""
    photo = torch.from_numpy(data.astronaut()[::3, ::3][10:100, 20:141].copy())
    return photo.permute(2, 0, 1)[None].float() / 255


def test_there_are_six_at_least():
    assert len(CORRUPTIONS) >= 6
    assert all(len(kind.values) == len(SEVERITIES) == 5 for kind in CORRUPTIONS.values())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_later_the_worse(name, lr):
    errors = [float((corruption(name, s)(lr, [7]) - lr).square().mean()) for s in range(6)]
    assert errors[0] == 0
    assert all(later > 1.1 * sooner for sooner, later in zip(errors, errors[1:], strict=False))
    assert errors[1] < 0.005  # still an image
    assert corruption(name, 2)(lr, [7]).shape == lr.shape


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_names_state_version_severity_and_values(name):
    kind = CORRUPTIONS[name]
    found = corruption(name, 4).name
    assert found.startswith(f"{name}@{kind.version}:4+x1+")
    assert f"{kind.values[3]:g}" in found
    assert corruption(name, 0).name == f"{name}@{kind.version}:0+x1"


@pytest.mark.parametrize(
    ("name", "severity", "text"),
    [
        ("fog", 1, "corruption must be one of gaussian_noise, .*, got 'fog'"),
        ("jpeg", 6, "severity must be a whole number from 0 to 5, got 6"),
        ("jpeg", -1, "got -1"),
        ("jpeg", 2.5, "got 2.5"),
    ],
)
def test_wrong_arguments(name, severity, text):
    with pytest.raises(ValueError, match=text):
        corruption(name, severity)
