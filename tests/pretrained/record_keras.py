"""Record what Keras Applications calls its weights, and what its networks compute with weights that NumPy draws.

Writes keras_recorded.json.gz beside this file: for each network of keras_networks.py the names and shapes of the arrays
in the file that Keras saves, as `pretrained.read` names them, and every 20th of its logits of two images. Keras runs on
its JAX back end: XLA computes as it does here, but networks, padding and order of layers are Keras's own. Slow
tests record again and compare.

    KERAS_BACKEND=jax PYTHONPATH=. python tests/pretrained/record_keras.py
"""

import gzip
import json
import tempfile
from pathlib import Path

import jax
import keras
import numpy as np
from keras_networks import EVERY, NETWORKS, images, value

from cnn_bench.pretrained.read import read


def record(name: str, size: int, path: Path, jit=jax.jit) -> dict:
    """Names and shapes of a network's arrays and its logits (2, 50) to six digits. Writes a weight file to `path`."""
    keras.backend.clear_session()
    inside = {'include_preprocessing': False} if name.startswith(('ConvNeXt', 'MobileNetV3')) else {}
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classifier_activation=None, **inside
    )
    for number, weight in enumerate(model.weights):
        weight.assign(np.full(weight.shape, number))
    model.save_weights(path)
    arrays = read(path)[0].arrays
    for key, array in arrays.items():  # which holds the number of its weight
        model.weights[int(array.flat[0])].assign(value(key, array.shape))
    pixels = 255 * images(size) if name.startswith('EfficientNet') else images(size)  # it divides them itself
    logits = np.asarray(jit(lambda x: model(x, training=False))(pixels))[:, ::EVERY]
    return {
        'shapes': {key: list(array.shape) for key, array in arrays.items()},
        'logits': [[float(f'{number:.6g}') for number in row] for row in logits.tolist()],
    }


def main() -> None:
    """Record all networks."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / 'numbered.weights.h5'
        networks = {arch: record(*entry, path) for arch, entry in NETWORKS.items()}
    text = json.dumps({'versions': {'keras': keras.__version__}, 'networks': networks}, sort_keys=True)
    with gzip.GzipFile(Path(__file__).with_name('keras_recorded.json.gz'), 'wb', mtime=0) as file:
        file.write(text.encode())


if __name__ == '__main__':
    main()
