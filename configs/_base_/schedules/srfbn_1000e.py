# SRFBN's protocol: Adam 1e-4, halved every 200 of 1000 epochs. An epoch of DIV2K's 800 images in
# batches of 16 is 50 iterations.
max_iters = 50000
train_cfg = dict(type="IterBasedTrainLoop", max_iters=max_iters, val_interval=5000)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-4))
halved = [10000, 20000, 30000, 40000]
param_scheduler = [dict(type="MultiStepLR", by_epoch=False, milestones=halved, gamma=0.5)]
log_processor = dict(by_epoch=False)
