"""Xception on ImageNet, as its author trained it.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/xception.py --workdir runs/xception
Source     Chollet 2016, "Xception: deep learning with depthwise separable convolutions", section 4.3: SGD with momentum
           0.9, rate 0.045 times 0.94 every two epochs, weight decay 1e-5, dropout 0.5 before the logits, Polyak
           averaging, no auxiliary head. Batch and length are not in the paper; here 1,920, which is 32 images for each
           of its 60 GPUs, and 120 epochs. Departure: an exponential average. `learning_rate` scales with the batch.
Expect     21.0 % top-1, 5.5 % top-5 error, one crop: published, table 1. Not measured here.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'xception'
    config.model.dropout = 0.5
    config.dataset.name = 'imagenet'
    config.dataset.validation_images = 50_000
    config.dataset.size = 299
    config.dataset.workers = 8
    config.augment.flip = True
    config.total_epochs = 120
    config.batch_size = 1920
    config.scale_lr_to_batch = 1920
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.045
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 1e-5
    config.schedule.name = 'staircase'
    config.schedule.every_epochs = 2.0
    config.schedule.factor = 0.94
    config.ema_decay = 0.9999
    return variant(config, arg, middle=1)
