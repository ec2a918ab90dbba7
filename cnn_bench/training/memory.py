"""What a run needs in memory at the least, against what there is, before anything starts.

Some programs hang or crash without a word where an allocation fails, so such a run would not even say why.
"""

import jax
import numpy as np

from cnn_bench.runtime import parallel
from cnn_bench.runtime.memory import OutOfMemory, free_bytes, gib
from cnn_bench.training.batches import lives_on_devices, used_batch_size
from cnn_bench.training.freezing import ALL_TRAINED
from cnn_bench.training.setup import TrainingSetup
from cnn_bench.training.splits import TRAIN
from cnn_bench.training.train_cost import evaluation_cost


def require_room(setup: TrainingSetup) -> None:
    """Raise OutOfMemory where a training step or an evaluation does not fit, with what takes how much."""
    devices = setup.devices[parallel.own_share(setup.devices)]
    needed = {what: size * len(devices) for what, size in needed_bytes(setup).items()}
    free, limit = free_bytes(devices)
    if sum(needed.values()) > free:
        parts = ', '.join(f'{what} {gib(size)}' for what, size in needed.items())
        raise OutOfMemory(
            f'training {setup.record["arch"]} takes at least {gib(sum(needed.values()))} ({parts}); {limit}; '
            'a smaller batch_size, eval_batch_size, model.width or data set takes less'
        )


def needed_bytes(setup: TrainingSetup) -> dict[str, int]:
    """A lower bound of what one device holds at a time, by what it is.

    State: parameters, batch statistics, the optimiser's state and averages. Activations: in training the outputs of all
    convolution, dense and pooling layers for the images of a step, unless layers are frozen; in evaluation the largest
    of them. Data: training images that live on the devices, otherwise those of a batch. Gradients are left out: XLA may
    apply each as soon as it has it.
    """
    config, devices = setup.config, len(setup.devices)
    state = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(setup.state_like(0)))
    cost = evaluation_cost(setup.model, setup.image_shape)
    largest = max((layer.activation_bytes for layer in cost.layers), default=0)
    all_trained = any(stage.freezing is ALL_TRAINED for stage in setup.stages)
    kept = cost.activation_bytes if all_trained else largest
    in_training = kept * config.batch_size // devices // config.accumulate_steps
    in_evaluation = largest * _eval_batch_size(setup) // devices
    return {
        'parameters and optimizer': state,
        'activations': max(in_training, in_evaluation),
        'images': _image_bytes(setup),
    }


def _eval_batch_size(setup: TrainingSetup) -> int:
    largest = max(images for part, images in setup.splits.sizes.items() if part != TRAIN)
    return used_batch_size(setup.config.eval_batch_size, largest, len(setup.devices))


def _image_bytes(setup: TrainingSetup) -> int:
    images, placement = setup.splits.sizes[TRAIN], setup.config.dataset.placement
    resident = lives_on_devices(setup.info, images, setup.preprocessing, placement)
    here = images if resident else setup.config.batch_size // len(setup.devices)
    return int(np.prod(setup.image_shape)) * here
