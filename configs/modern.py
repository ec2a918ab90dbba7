"""One modern recipe for every network of the registry, so that the network is the only difference between two runs.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/modern.py --workdir runs/modern_resnet50 --config.model.arch=resnet50
Source     ours, of published parts: AdamW with clipping, linear warm-up and a cosine, label smoothing 0.1, mixup 0.2
           (Zhang et al. 2017) or CutMix 1 (Yun et al. 2019) at random, an exponential average of the weights.
           `learning_rate` is for a batch of 1,024 and scales with it. AdamW, since networks with and without batch norm
           need different rates of SGD.
Expect     nothing is published for this recipe, and it has not been measured. The closest is 21.9 % top-1 error of
           resnet50 after 100 epochs of procedure A3 of Wightman, Touvron & Jegou 2021 (arXiv 2110.00476).
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'resnet50'
    config.dataset.name = 'imagenet'
    config.dataset.validation_images = 50_000
    config.dataset.size = 224
    config.dataset.workers = 8
    config.augment.flip = True
    config.mix.mixup_alpha = 0.2
    config.mix.cutmix_alpha = 1.0
    config.mix.cutmix_prob = 0.5
    config.label_smoothing = 0.1
    config.total_epochs = 100
    config.batch_size = 1024
    config.scale_lr_to_batch = 1024
    config.optimizer.name = 'adamw'
    config.optimizer.learning_rate = 1e-3
    config.optimizer.weight_decay = 0.05
    config.optimizer.clip_norm = 1.0
    config.schedule.name = 'cosine'
    config.schedule.warmup_epochs = 5.0
    config.ema_decay = 0.9999
    return variant(config, arg, depths=(1, 1, 1, 1))
