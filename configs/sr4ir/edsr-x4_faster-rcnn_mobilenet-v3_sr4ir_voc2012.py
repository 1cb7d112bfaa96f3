# SR4IR's protocol: VOC2012 at x4, EDSR baseline, Faster R-CNN MobileNetV3-Large FPN at 800/1333.
# Published (x8): HR .367, LR .189, S->T .219, S+T .203, SR4IR .255. Not trained here.
# Train, here in one process, with several GPUs by tools/dist_train.sh:
#   python tools/train.py \
#   configs/sr4ir/edsr-x4_faster-rcnn_mobilenet-v3_sr4ir_voc2012.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/voc2012_x4.py",
    "../_base_/detectors/faster-rcnn_mobilenet-v3-large_fpn_20class.py",
    "../_base_/editors/edsr_x4.py",
    "../_base_/schedules/sr4ir_30e.py",
]
# TDP counts from epoch 4 of 30 on.
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=_base_.detector,
    handoff=dict(resize=dict(scale=(1333, 800))),
    strategy=dict(type="SR4IR", feature_from=0.1),
)
