"""LeNet-5 on Fashion-MNIST, as in the lecture's table (tanh, average pooling), trained with SGD.

Command    cnn-bench data prepare fashion_mnist --from DIR
           cnn-bench train --config configs/lenet5.py --workdir runs/lenet5
Source     LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition", for the
           network. The training is ours: SGD with a cosine, not the paper's second-order method.
Expect     at most 10.5 % test error after 20 epochs.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'lenet5'
    config.dataset.name = 'fashion_mnist'
    config.dataset.validation_images = 5000
    config.total_epochs = 20
    config.batch_size = 128
    config.log_every_steps = 117
    config.optimizer.name = 'sgd'
    config.optimizer.learning_rate = 0.1
    config.optimizer.momentum = 0.9
    config.optimizer.weight_decay = 1e-4
    config.schedule.name = 'cosine'
    config.schedule.warmup_epochs = 1.0
    return variant(config, arg)
