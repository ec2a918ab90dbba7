"""ResNet on CIFAR-10, as its authors trained it: 64,000 steps, the rate divided by 10 after 32,000 and 48,000.

Command    cnn-bench data prepare cifar10 --from DIR
           cnn-bench train --config configs/resnet_cifar.py --workdir runs/resnet20 --config.model.arch=resnet20
Source     He, Zhang, Ren & Sun 2015, "Deep residual learning for image recognition", section 4.2. resnet110 needs
           --config.schedule.warmup_epochs=1, where the paper begins at 0.01 until its training error is below 80 %.
           Departure: no weight decay for batch norm.
Expect     8.75 % error for resnet20, 7.51 % for resnet32, 7.17 % for resnet44, 6.97 % for resnet56, 6.43 % for
           resnet110: published, table 6. Measured here for 11,700 steps: see results/depth_degradation.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'resnet20'
    config.dataset.name = 'cifar10'
    config.dataset.validation_images = 5000  # as in the paper, which trained on 45,000
    config.augment.flip = True
    config.augment.pad_crop = 4
    config.total_steps = 64_000
    config.batch_size = 128
    config.log_every_steps = 390
    config.eval_every_epochs = 5
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.1
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 1e-4
    config.schedule.name = 'step'
    config.schedule.at = (0.5, 0.75)
    config.schedule.factor = 0.1
    return variant(config, arg, depths=(1, 1, 1))
