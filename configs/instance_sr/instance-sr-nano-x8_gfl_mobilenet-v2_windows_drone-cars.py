# The pair follows the instances: super-resolved and searched only where a router expects vehicles.
# For testing; the weights are those of the dense pair, whose detector knows SR pixels.
# Test:  python tools/test.py \
#   configs/instance_sr/instance-sr-nano-x8_gfl_mobilenet-v2_windows_drone-cars.py CHECKPOINT
# Against whole frames, slices and other input sizes: python tools/analysis/pair_pareto.py
_base_ = ["../_base_/pairs/instance_sr_nano_x8_drone_cars.py"]
router = dict(
    type="mmisr.InstanceRouter",
    router=dict(type="learned", bias=0.0),
    checkpoint="work_dirs/instance-router_vehicles-x4/iter_1600.pth",
)
model = dict(
    editor=dict(router="all-hard"),
    test_cfg=dict(windows=dict(margin=4, router=router)),
)
