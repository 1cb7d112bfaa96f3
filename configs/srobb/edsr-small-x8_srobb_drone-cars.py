# A small EDSR x8 alone, as ../plain/edsr-small-x8_drone-cars.py, by SROBB's loss: boundaries of
# cars by low features of an ImageNet MobileNetV2, background by higher ones. Not trained here.
# First: python tools/data/mobilenet_v2.py
# Train: python tools/train.py configs/srobb/edsr-small-x8_srobb_drone-cars.py
# Test:  python tools/test.py configs/srobb/edsr-small-x8_srobb_drone-cars.py CHECKPOINT
_base_ = ["../plain/edsr-small-x8_drone-cars.py"]
model = dict(
    pixel_loss=dict(
        type="mmisr.SROBBLoss",
        network=dict(type="mmdet.MobileNetV2"),
        checkpoint="data/weights/mobilenet_v2_imagenet.pth",
        terms=dict(
            boundary=dict(tap="layer1", weight=0.005),
            background=dict(tap="layer3", weight=0.002),
        ),
    ),
)
