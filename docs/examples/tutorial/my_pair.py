# Your detector behind InstanceSR: the pair, trained as one model.
_base_ = ["my_bicubic.py"]

model = dict(
    editor=dict(
        _delete_=True,
        type="mmisr.InstanceSR",
        scale=4,
        size="nano",
        execution=dict(halo=2),
        checkpoint="work_dirs/my_editor/iter_100.pth",
    ),
    strategy=dict(type="Joint"),  # trains both; "Frozen", the default, trains the detector alone
)
# The choice of an exit passes no gradient: the encoder stays as it was.
find_unused_parameters = True
