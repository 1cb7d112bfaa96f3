# The aux branch on NWPU VHR-10 at x2; the control beside it is detach=True. Not trained here.
# Train, here in one process, with several GPUs by tools/dist_train.sh:
#   python tools/train.py \
#   configs/aux_branch/bicubic-x2_gfl_r50_aux-branch_nwpu-vhr10.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/nwpu_vhr10_x2.py",
    "../_base_/detectors/gfl_r50_fpn_10class.py",
    "../_base_/editors/bicubic_x2.py",
    "../_base_/schedules/step_24e.py",
]
model = dict(
    type="mmisr.SRDetector",
    editor=_base_.editor,
    detector=_base_.detector,
    strategy=dict(type="AuxBranch", taps=["pyramid.0"]),
)
