"""What a config must be before a run begins: a mistake is named in seconds, not after hours.

- ``config_types``: Every value is of the type that it must be, before anything is built from it.
- ``config_errors``: Whatever another library raises then says which config, and where in it.
- ``data``: Data sets and pipelines are there and fit the model: LR images, classes, frames.
- ``checkpoints``: A file to start or to resume from can be read, and fits.
- ``hooks``: Hooks of plain mmdet leave the training data readable.
- ``monitors``: What ``save_best``, early stopping and plateau schedulers watch is a figure.
- ``own_resize``: The detector gets images of the size that its own config feeds it.

The modules need what a pair is and which metrics there are, so that they stand above both.
"""
