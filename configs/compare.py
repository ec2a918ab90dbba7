"""One recipe for every network, so that the architecture is the only difference between two runs.

Command    cnn-bench train --config configs/compare.py --workdir runs/x --config.model.arch=resnet20
Source     ours: AdamW with warm-up and a cosine, which trains networks with and without batch norm alike.
Expect     see results/demo, which trains narrow networks for 2 epochs on the packaged subset of Fashion-MNIST.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'lenet5'
    config.model.bn_momentum = 0.9  # short runs have few steps for the statistics to settle
    config.dataset.name = 'fashion_mnist_subset'
    config.dataset.validation_images = 1000
    config.total_epochs = 6
    config.batch_size = 96
    config.eval_every_epochs = 2
    config.optimizer.name = 'adamw'
    config.optimizer.learning_rate = 4e-3
    config.optimizer.weight_decay = 0.01
    config.schedule.name = 'cosine'
    config.schedule.warmup_epochs = 0.5
    return variant(config, arg)
