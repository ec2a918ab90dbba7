"""Inception v3 on ImageNet: RMSProp, label smoothing, an auxiliary head, and an average of the weights.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/inception_v3.py --workdir runs/inception_v3
Source     Szegedy et al. 2015, "Rethinking the Inception architecture for computer vision", sections 7 and 8: RMSProp
           with decay 0.9 and epsilon 1, rate 0.045 times 0.94 every two epochs, gradients clipped at 2, smoothing 0.1,
           100 epochs on 50 replicas of 32 images. Momentum, weight decay and the weight of the auxiliary loss are those
           of the released code. Departure: the replicas make one batch of 1,600; `learning_rate` scales with the batch.
Expect     21.2 % top-1, 5.6 % top-5 error, one crop: published, abstract. The ported weights of torchvision have 22.71
           and 6.55 %. Not measured here.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'inception_v3'
    config.model.aux = True
    config.model.dropout = 0.2
    config.aux_weight = 0.4
    config.label_smoothing = 0.1
    config.dataset.name = 'imagenet'
    config.dataset.validation_images = 50_000
    config.dataset.size = 299
    config.dataset.workers = 8
    config.augment.flip = True
    config.total_epochs = 100
    config.batch_size = 1600
    config.scale_lr_to_batch = 1600
    config.optimizer.name = 'rmsprop'
    config.optimizer.learning_rate = 0.045
    config.optimizer.decay = 0.9
    config.optimizer.eps = 1.0
    config.optimizer.eps_in_sqrt = True
    config.optimizer.initial_scale = 1.0
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 4e-5
    config.optimizer.clip_norm = 2.0
    config.schedule.name = 'staircase'
    config.schedule.every_epochs = 2.0
    config.schedule.factor = 0.94
    config.ema_decay = 0.9999
    return variant(config, arg, depths=(1, 1, 1))
