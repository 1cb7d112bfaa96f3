"""Strategy ``Adversarial``: an editor and a discriminator learn in turns."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from mmisr.losses.functional import Losses
from mmisr.losses.network import NetworkLoss
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import PIXEL_LOSS
from mmisr.openmmlab.gan import GAN_TYPES, GANLoss
from mmisr.openmmlab.heads import reduce_mean
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import MODELS, STRATEGIES
from mmisr.strategies.adversarial.collapse import Collapse, Watch
from mmisr.strategies.adversarial.discriminator import Discriminator, Settings
from mmisr.strategies.adversarial.patches import BACKGROUND, Patches, cut
from mmisr.structures.checks import check_not_negative, check_types

OWNER = "strategy Adversarial"
SMALLEST = 1e-6
"""Number of objects below which there are none."""


@STRATEGIES.register_module()
class Adversarial(Strategy):
    """Two phases an iteration: any editor against a fixed discriminator, then the discriminator.

    Phase ``generator``: the perceptual loss, the adversarial loss and the cross-entropy of what the
    discriminator takes each patch for, and pixels where they have a weight. Phase
    ``discriminator``: real against fake, and the classes of both. The detector rests; it finds what
    an editor with a prior is told.

    Source: SFTGAN (Wang, Yu, Dong, Loy; CVPR 2018), whose weights are the defaults: 5e-3 of
    adversarial loss and cross-entropy beside a perceptual loss, no pixels. The label of a patch is
    that of the annotated object that covers most of it, which is ours; background has no
    cross-entropy, as there. Where the SR images are larger than ``discriminator.patch``, it sees
    one square of each.

    Args:
        pixel_weight: Weight of the loss between SR and HR; 0 for none.
        pixel_loss: Config of that loss; None for the mean L1 distance.
        perceptual: Config of any loss through a fixed network (``mmisr.PerceptualLoss``,
            ``mmisr.SROBBLoss``, ``mmisr.FDSRLoss``), with a weight of its own; None for none.
        gan_weight: Weight of the adversarial loss in the editor's phase.
        gan_type: ``vanilla``, ``lsgan`` or ``hinge``, as mmagic's loss has them.
        category_weight: Weight of the cross-entropy in the editor's phase; 0 has neither part
            learn classes.
        discriminator: Fields of
            :class:`~mmisr.strategies.adversarial.discriminator.Settings`.
        collapse: Fields of :class:`~mmisr.strategies.adversarial.collapse.Collapse`: when the
            discriminator's loss has been all but 0 for so long that it is said.

    Raises:
        ValueError: A value is out of range; when training, a sample has no HR image, an SR image is
            smaller than the patch, or an object is of a class that the discriminator has not.
        FileNotFoundError: When training begins, the perceptual loss has no file of its network.
    """

    def __init__(
        self,
        pixel_weight: float = 0.0,
        pixel_loss: dict | None = None,
        perceptual: dict | None = None,
        gan_weight: float = 5e-3,
        gan_type: str = "vanilla",
        category_weight: float = 5e-3,
        discriminator: dict | None = None,
        collapse: dict | None = None,
    ) -> None:
        super().__init__()
        weights = {
            "pixel_weight": pixel_weight,
            "gan_weight": gan_weight,
            "category_weight": category_weight,
        }
        check_types(type(self), weights, OWNER)
        check_not_negative(OWNER, weights)
        if gan_type not in GAN_TYPES:
            raise ValueError(f"{OWNER}: gan_type must be one of {GAN_TYPES}, got {gan_type!r}")
        self.pixel_weight = pixel_weight
        self.category_weight = category_weight
        self.pixel_loss = MODELS.build(pixel_loss or PIXEL_LOSS)
        self.perceptual = None if perceptual is None else MODELS.build(perceptual)
        self.gan_loss = GANLoss(gan_type, loss_weight=gan_weight)
        self.settings = Settings(**(discriminator or {}))
        self.discriminator = Discriminator(self.settings)
        self.watch = Watch(Collapse(**(collapse or {})))
        self._made: tuple[Sequence[DetDataSample], list[Tensor]] | None = None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """``generator`` and ``discriminator``."""
        return (
            Phase("generator", ("editor",), self.generate),
            Phase("discriminator", ("strategy",), self.discriminate),
        )

    def start(self, pair: SRDetector) -> None:
        """Read the network of the perceptual loss."""
        if isinstance(self.perceptual, NetworkLoss):
            self.perceptual.start()

    def generate(self, batch: TrainingBatch) -> Losses:
        """Phase 1: what the editor learns from.

        Args:
            batch: What is seen of this iteration.
        """
        images = batch.sr_images()
        fixed = [image.detach() for image in images]
        self._made = (batch.samples, fixed)
        losses: Losses = {}
        if self.pixel_weight:
            pixels = batch.pixel_loss(self.pixel_loss, images)
            losses["loss_adversarial_pixel"] = self.pixel_weight * pixels
        if self.perceptual is not None:
            distance = batch.pixel_loss(self.perceptual, images)
            losses["loss_adversarial_perceptual"] = distance
        patches = cut(batch, images, self.settings.patch)
        realness, categories = self.discriminator(patches.sr)
        losses["loss_adversarial_gan"] = self.gan_loss(realness, True)
        if self.category_weight:
            entropy = self._entropy(categories, patches)
            losses["loss_adversarial_category"] = self.category_weight * entropy
        return losses

    def discriminate(self, batch: TrainingBatch) -> Losses:
        """Phase 2: what the discriminator learns from, on the images of phase 1; as above."""
        images = self._fixed(batch)
        patches = cut(batch, images, self.settings.patch)
        of_real, real_categories = self.discriminator(patches.hr)
        of_fake, fake_categories = self.discriminator(patches.sr)
        real = self.gan_loss(of_real, True, is_disc=True)
        fake = self.gan_loss(of_fake, False, is_disc=True)
        both = real + fake
        self.watch.see(float(both.detach()))
        losses: Losses = {
            "loss_adversarial_real": real,
            "loss_adversarial_fake": fake,
            "realness_of_hr": of_real.mean(),
            "realness_of_sr": of_fake.mean(),
        }
        if self.category_weight:
            entropy = self._entropy(real_categories, patches)
            losses["loss_adversarial_category_real"] = entropy
            entropy = self._entropy(fake_categories, patches)
            losses["loss_adversarial_category_fake"] = entropy
        return losses

    def _fixed(self, batch: TrainingBatch) -> list[Tensor]:
        """The images that the editor's phase made of this batch, before its step; once."""
        made = self._made
        self._made = None
        if made is not None and made[0] is batch.samples:
            return made[1]
        return batch.fixed_images()

    def _entropy(self, logits: Tensor, patches: Patches) -> Tensor:
        labels = patches.labels
        most = int(labels.max())
        if most > self.settings.num_classes:
            raise ValueError(
                f"{OWNER}: an object is of class {most - 1}, and discriminator.num_classes="
                f"{self.settings.num_classes} (classes count from 0); set the number of classes of "
                "the data set"
            )
        return category_loss(logits, labels)


def category_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the patches with an object, of all processes together.

    Args:
        logits: (B, num_classes + 1), the background first.
        labels: (B,) int64, 0 for the background, which is left out.

    Returns:
        A scalar; 0 where there are no objects.

    Example:
        >>> float(category_loss(torch.zeros(2, 2), torch.tensor([0, 1])).round(decimals=4))
        0.6931
    """
    total = F.cross_entropy(logits, labels, ignore_index=BACKGROUND, reduction="sum")
    objects = (labels != BACKGROUND).sum()
    mean = reduce_mean(objects.float())
    return total / mean.clamp(min=SMALLEST)
