"""mmisr: super-resolution in front of any MMDetection detector, as one model.

Nothing heavy is imported here; ``import mmisr`` costs no torch.
"""

from mmisr.ops.shipped import config_file
from mmisr.version import __version__

__all__ = ["__version__", "config_file"]
