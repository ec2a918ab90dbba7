"""Transfer learning as in the lecture: Xception with weights from ImageNet and a new head, on few images.

Command    cnn-bench weights import xception xception_weights_tf_dim_ordering_tf_kernels.h5 --out weights/xception
           cnn-bench data prepare flowers --from DIR
           cnn-bench train --config configs/transfer.py --workdir runs/transfer
Source     Geron 2019, "Hands-On Machine Learning", 2nd edition, chapter 14, quoted in the lecture: the base without its
           top, global average pooling and a dense layer. First the head alone, 5 epochs of SGD at 0.2 with Keras's
           decay 0.01; then all layers at 0.01, with Nesterov's momentum and decay 0.001, 40 epochs. Batches of 32 and
           images of 224x224, as in the book. Batch norm of the frozen base stays in evaluation mode, as in Keras 2.
Expect     about 5 % test error on the flowers (3,670 images of 5 kinds, a quarter held out): published, the book states
           around 95 % accuracy. Not measured here; experiments/transfer.py asks the question on Fashion-MNIST.
"""

from cnn_bench.recipe import base, variant


def get_config(arg=''):
    """The recipe, or its variant `arg`."""
    config = base()
    config.model.arch = 'xception'
    config.init_from = 'weights/xception'
    config.init_head = False
    config.dataset.name = 'flowers'
    config.dataset.validation_images = 300
    config.dataset.size = 224
    config.crop.scale = (1.0, 1.0)
    config.crop.crop_fraction = 1.0
    config.batch_size = 32
    config.optimizer.name = 'sgd'
    config.optimizer.momentum = 0.9
    config.schedule.name = 'inverse_time'
    config.stages = (
        {
            'total_epochs': 5,
            'freeze': ('*', '!head'),
            'optimizer.learning_rate': 0.2,
            'schedule.decay': 0.01,
        },
        {
            'total_epochs': 40,
            'optimizer.learning_rate': 0.01,
            'optimizer.nesterov': True,
            'schedule.decay': 0.001,
        },
    )
    return variant(config, arg, middle=1)
