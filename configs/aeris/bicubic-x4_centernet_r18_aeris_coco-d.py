# AERIS's protocol: COCO-d, CenterNet on ResNet-18. Published on all of COCO-d: AP .145 trained on
# clean images, .176 on degraded ones, .184 with the branch. Not trained here.
# Train, here in one process, with several GPUs by tools/dist_train.sh:
#   python tools/train.py \
#   configs/aeris/bicubic-x4_centernet_r18_aeris_coco-d.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/coco_d_x4.py",
    "../_base_/detectors/centernet_r18_80class.py",
    "../_base_/editors/bicubic_x4.py",
    "../_base_/schedules/aeris_28e.py",
]
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=_base_.detector,
    # The pair's detector sees enlarged pixels, so views go back to their size too.
    strategy=dict(type="Aeris", views=dict(mode="nb"), taps=["pyramid.0"]),
)
