# Instance segmentation through the pair: Mask R-CNN of plain mmdet, trained on bicubic x4 images.
# Any editor takes the place of the bicubic one. Not trained here: COCO is days on a GPU.
# Train: python tools/train.py configs/resample/bicubic-x4_mask-rcnn_r50_finetuned_coco.py
# Test:  python tools/test.py configs/resample/bicubic-x4_mask-rcnn_r50_finetuned_coco.py CHECKPOINT
# Start from mmdet's own weights: --cfg-options model.checkpoints.detector=FILE, the checkpoint of
# its mask-rcnn_r50_fpn_1x_coco.py.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/coco_masks_x4.py",
    "mmdet::_base_/models/mask-rcnn_r50_fpn.py",
    "../_base_/editors/bicubic_x4.py",
    "../_base_/schedules/step_24e.py",
]
detector = _base_.model
# A patch shows a quarter of an image, and is learned from a quarter of the regions.
detector.train_cfg.rcnn.sampler.num = 128
model = dict(
    _delete_=True,
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=detector,
    strategy=dict(type="Frozen"),
)
