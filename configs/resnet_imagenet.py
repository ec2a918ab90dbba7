"""ResNet on ImageNet, as its authors trained it.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/resnet_imagenet.py --workdir runs/resnet50 --config.model.arch=resnet50
Source     He, Zhang, Ren & Sun 2015, "Deep residual learning for image recognition", section 3.4: batch 256, rate 0.1
           divided by 10 on a plateau, no dropout, He's initialisation, 600,000 steps. Departures: crops by area as in
           GoogLeNet's recipe, not of a random scale; no weight decay for batch norm; plateaus detected automatically
           (five epochs without improvement). `learning_rate` is for a batch of 256 and scales with it (Goyal et al.
           2017).
Expect     24.7 % top-1, 7.8 % top-5 error for resnet50_v1, one centre crop: published, README of the authors' weights.
           For resnet50 torchvision's weights have 23.87 and 7.14 %. Not measured here.
"""

from cnn_bench.recipe import IMAGENET_LIGHTING, base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'resnet50'
    config.model.kernel_init = 'he'
    config.model.dropout = 0.0
    config.dataset.name = 'imagenet'
    config.dataset.validation_images = 50_000
    config.dataset.size = 224
    config.dataset.workers = 8
    config.augment.flip = True
    config.augment.lighting_std = 0.1
    config.augment.lighting_components = IMAGENET_LIGHTING
    config.total_epochs = 120
    config.batch_size = 256
    config.scale_lr_to_batch = 256
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.1
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 1e-4
    config.schedule.name = 'plateau'
    config.schedule.factor = 0.1
    config.schedule.patience = 5
    config.schedule.min_factor = 1e-3
    return variant(config, arg, depths=(1, 1, 1, 1))
