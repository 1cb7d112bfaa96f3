# The baseline of the joint network: artifact removal, then SR, each trained by itself.
# Weights first: cajnn-step1-x1_aerial-cars.py, cajnn-step2-x4_aerial-cars.py
# Test: python tools/test.py configs/cajnn/cajnn-two-steps-x4_aerial-cars.py
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/aerial_cars_x4_jpeg_editor.py",
    "../_base_/editors/cajnn_two_steps_x4.py",
]
model = _base_.editor
step1, step2 = model.editors
step1.checkpoint = "work_dirs/cajnn-step1-x1_aerial-cars/iter_1000.pth"
step2.checkpoint = "work_dirs/cajnn-step2-x4_aerial-cars/iter_1000.pth"
