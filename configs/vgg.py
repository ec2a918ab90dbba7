"""VGG-16 on ImageNet, as its authors trained it.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/vgg.py --workdir runs/vgg16 --config.model.arch=vgg16
Source     Simonyan & Zisserman 2014, "Very deep convolutional networks for large-scale image recognition", section 3.
           Departures: He's initialisation instead of the weights of a shallower network; random square crops by area,
           as in configs/alexnet.py; plateaus detected automatically (five epochs without improvement).
Expect     27.0 % top-1, 8.8 % top-5 error for vgg16: published, table 3, one scale, evaluated densely. torchvision's
           weights, one centre crop: 28.41 and 9.62 %. Not measured here.
"""

from cnn_bench.recipe import IMAGENET_LIGHTING, base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'vgg16'
    config.model.dropout = 0.5
    config.dataset.name = 'imagenet'
    config.dataset.validation_images = 50_000
    config.dataset.size = 224
    config.dataset.workers = 8
    config.crop.scale = (0.5, 0.58)
    config.crop.ratio = (1.0, 1.0)
    config.augment.flip = True
    config.augment.lighting_std = 0.1
    config.augment.lighting_components = IMAGENET_LIGHTING
    config.total_epochs = 74
    config.batch_size = 256
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.01
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 5e-4
    config.schedule.name = 'plateau'
    config.schedule.factor = 0.1
    config.schedule.patience = 5
    config.schedule.min_factor = 1e-3
    return variant(config, arg, depths=(1, 1, 1, 1, 1))
