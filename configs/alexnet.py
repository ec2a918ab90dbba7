"""AlexNet on ImageNet, as its authors trained it: SGD whose rate is divided by 10 when the test error stops falling.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/alexnet.py --workdir runs/alexnet
Source     Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks",
           sections 4 and 5. Departures: random square crops of about the area of 224x224 in a 4:3 picture 256 pixels
           high, not only from its middle; He's initialisation instead of a Gaussian of 0.01; plateaus detected
           automatically (five epochs without improvement) instead of by hand.
Expect     42.9 % top-1, 19.8 % top-5 error, one centre crop: published for BVLC's reproduction, bvlc_alexnet, which
           trained without lighting noise. The paper has 40.7 and 18.2 % with ten crops. Not measured here.
"""

from cnn_bench.recipe import IMAGENET_LIGHTING, base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'alexnet'
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
    config.total_epochs = 90
    config.batch_size = 128
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.01
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 5e-4
    config.schedule.name = 'plateau'
    config.schedule.factor = 0.1
    config.schedule.patience = 5
    config.schedule.min_factor = 1e-3
    return variant(config, arg)
