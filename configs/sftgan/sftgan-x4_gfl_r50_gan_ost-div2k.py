# SFTGAN in the paper's size, losses and schedule, as far as detectors and COCO format go. Not
# trained here: 600,000 iterations of batches of 16 are days on a GPU. What differs is said in
# mmisr/editors/sftgan/README.md: the map is a detector's instead of a segmentation's.
# Train: python tools/train.py configs/sftgan/sftgan-x4_gfl_r50_gan_ost-div2k.py
# Test:  python tools/test.py configs/sftgan/sftgan-x4_gfl_r50_gan_ost-div2k.py CHECKPOINT
# Published training begins from SRGAN's generator: --cfg-options model.editor.init_from=FILE, of
# mmisr.PlainSR with generator=dict(type="mmisr.SFTGenerator", scale=4, maps=0, size="paper").
# VGG19: https://download.pytorch.org/models/vgg19-dcbb9e9d.pth into data/weights. Which of its
# features the paper compares was not found out here; conv5_4 is SRGAN's.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/protocols/sftgan_ost_div2k.py",
    "../_base_/detectors/gfl_r50_fpn_10class.py",
    "../_base_/schedules/sftgan_600k.py",
]
detector = _base_.detector
detector.backbone.init_cfg = None
detector.bbox_head.num_classes = 7
trained = "work_dirs/bicubic-x4_gfl_r50_ost/epoch_12.pth"
model = dict(
    type="mmisr.SRDetector",
    editor=dict(type="mmisr.SFTGAN", scale=4, num_classes=7, size="paper", prior="found"),
    detector=detector,
    checkpoints=dict(detector=trained),
    strategy=dict(
        type="Adversarial",
        perceptual=dict(
            type="mmisr.PerceptualLoss",
            network=dict(type="mmisr.VGG", depth=19, last="conv5_4"),
            checkpoint="data/weights/vgg19-dcbb9e9d.pth",
            taps=["conv5_4"],
        ),
        gan_weight=5e-3,
        category_weight=5e-3,
        discriminator=dict(patch=96, width=64, num_classes=7),
    ),
    test_cfg=dict(keep_sr=True, prior=dict(score_thr=0.05, checkpoint=trained)),
)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5000),
    logger=dict(interval=100, log_metric_by_epoch=False),
)
