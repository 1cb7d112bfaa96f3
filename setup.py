"""Package data of mmisr.

What runs and why stands in requirements.txt; the ranges here are for people with a stack of their
own.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
MIM = ("configs", "tools", "checkpoints", "model-index.yml")
"""What `mim`, `_base_ = 'mmisr::...'` and `mmisr TOOL` look for in the installed package."""

RUNTIME = [
    "numpy>=1.24",
    "pillow>=9.4",
    "safetensors>=0.4",
    "rich>=12",
    "tqdm>=4.60",
    "faster-coco-eval>=1.6",
    "jinja2>=3",
    "matplotlib>=3.7",
]
OPENMMLAB = ["onedl-mmengine>=0.10.12", "onedl-mmcv>=2.3.6", "onedl-mmdetection>=3.5.1"]
"""The maintained forks; people with the upstream packages take the extra `mmagic` instead.

torch is always yours to choose.
"""

MAGIC = [
    "albumentations>=1.4",
    "av>=10",
    "click>=8",
    "einops>=0.7",
    "imageio>=2.28",
    "lmdb>=1.4",
    "lpips>=0.1.4",
    "pandas>=2",
    "requests>=2.28",
]
"""What mmagic needs at import; mmagic itself: pip install --no-deps mmagic==1.2.0."""

EXTRAS = {
    "openmmlab": [*OPENMMLAB, *MAGIC],
    "mmagic": MAGIC,
    "quality": ["torchmetrics>=1.4"],
    "sahi": ["sahi>=0.12"],
    "spandrel": ["spandrel>=0.4"],
    "video": ["av>=12"],
    "test": [
        "hypothesis>=6.100",
        "import-linter>=2.3",
        "mypy>=1.15",
        "playwright>=1.40",
        "pycocotools>=2.0.7",
        "pytest>=8",
        "pytest-xdist>=3.8",
        "ruff>=0.9",
        "scikit-image>=0.22",
        "torchmetrics>=1.4",
    ],
    "app": ["gradio>=6"],
    "clusters": ["scikit-learn>=1.5"],
    "docs": [
        "mkdocs>=1.6,<2",
        "mkdocs-material>=9.7",
        "mkdocstrings-python>=2",
        "pymdown-extensions>=10.16",
    ],
    "export": ["onnx>=1.16", "onnxruntime>=1.18", "onnxscript>=0.1"],
}
EXTRAS["all"] = sorted({name for group in EXTRAS.values() for name in group})


def version() -> str:
    """Read the version without importing the package."""
    scope: dict[str, str] = {}
    exec((HERE / "mmisr" / "version.py").read_text(encoding="utf-8"), scope)
    return scope["__version__"]


def place_mim(package: Path, link: bool) -> None:
    """Put configs and tools under ``<package>/.mim``: links in a clone, copies in a wheel."""
    target = package / ".mim"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in MIM:
        source, place = HERE / name, target / name
        if link:
            try:
                place.symlink_to(Path("..", "..", name), target_is_directory=source.is_dir())
                continue
            except OSError:
                # A file system without symbolic links: a copy, to be made again after changes.
                pass
        if source.is_dir():
            shutil.copytree(
                source, place, ignore=shutil.ignore_patterns("__pycache__", "*.scalars.json")
            )
        else:
            shutil.copyfile(source, place)


class BuildWithMim(build_py):
    """Copies into a wheel; links in the source tree for ``pip install -e``."""

    def run(self) -> None:
        """Build, then place ``.mim``."""
        super().run()
        if self.editable_mode:
            place_mim(HERE / "mmisr", link=True)
        else:
            place_mim(Path(self.build_lib) / "mmisr", link=False)


class SdistWithMim(sdist):
    """Configs and tools lie at the top of it; a wheel's ``.mim`` is made of them."""

    def make_distribution(self) -> None:
        """Leave the links of a development install out."""
        self.filelist.exclude_pattern("mmisr/.mim/*", anchor=True)
        super().make_distribution()


setup(
    name="mmisr",
    version=version(),
    description="Super-resolution in front of any MMDetection detector, as one model",
    long_description=(HERE / "README.md").read_text(encoding="utf-8")
    if (HERE / "README.md").is_file()
    else "",
    long_description_content_type="text/markdown",
    author="The mmisr authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords="computer vision, object detection, super-resolution, small objects",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["mmisr", "mmisr.*"]),
    package_data={"mmisr": ["**/README.md", "py.typed", "reports/html/templates/*"]},
    install_requires=RUNTIME,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mmisr = mmisr.__main__:main"]},
    cmdclass={"build_py": BuildWithMim, "sdist": SdistWithMim},
    zip_safe=False,
)
