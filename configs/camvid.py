"""Segmentation of driving scenes: FCN on a small ResNet, CamVid at half size.

Command    cnn-bench data prepare camvid --from DIR --shorter-side 180   (DIR: CamVid of the SegNet tutorial)
           cnn-bench train --config configs/camvid.py --workdir runs/x
Source     ours. Long et al. 2015 for the head; the split of 367, 101 and 233 pictures and the eleven classes are
           those of Badrinarayanan, Kendall & Cipolla 2015 (SegNet).
Expect     80.3 % error by mean IoU on the test pictures after one epoch (total_epochs=1 without warm-up, seed 0, two
           CPU cores); the whole recipe was not run yet. The variant `smoke` needs the set too.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.task = 'segmentation'
    config.monitor = 'miou_err_pct'
    config.model.arch = 'fcn'
    config.model.base = 'resnet18'
    config.model.width = 0.5
    config.model.output_stride = 8
    config.dataset.name = 'camvid'
    config.dataset.validation = 'validation'
    config.augment.flip = True
    config.augment.zoom = (0.75, 2.0)
    config.total_epochs = 60
    config.batch_size = 8
    config.eval_batch_size = 16
    config.eval_every_epochs = 5
    config.optimizer.name = 'adamw'
    config.optimizer.learning_rate = 3e-3
    config.optimizer.weight_decay = 0.01
    config.schedule.name = 'cosine'
    config.schedule.warmup_epochs = 3
    return variant(config, arg)
