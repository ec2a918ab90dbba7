"""GoogLeNet on ImageNet: SGD with a polynomial decay, two auxiliary heads, and an average of the weights.

Command    cnn-bench data prepare imagenet --from DIR
           cnn-bench train --config configs/googlenet.py --workdir runs/googlenet
Source     Szegedy et al. 2014, "Going deeper with convolutions", sections 5 and 6: momentum 0.9, auxiliary losses of
           weight 0.3, crops of 8 to 100 % of the area, averaged weights. Rate, decay, batch and length are those of
           BVLC's quick solver for bvlc_googlenet: the paper gives the decay (4 % every 8 epochs), but neither rate nor
           length. Departures: an exponential average, and no changes of colour.
Expect     31.3 % top-1, 11.1 % top-5 error, one centre crop: published for bvlc_googlenet. The paper has 10.07 % top-5
           for one network and crop. Not measured here.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'googlenet'
    config.model.aux = True
    config.aux_weight = 0.3
    config.dataset.name = 'imagenet'
    config.dataset.validation_images = 50_000
    config.dataset.size = 224
    config.dataset.workers = 8
    config.augment.flip = True
    config.total_epochs = 60
    config.batch_size = 32
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.01
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 2e-4
    config.schedule.name = 'polynomial'
    config.schedule.power = 0.5
    config.ema_decay = 0.9999
    return variant(config, arg)
