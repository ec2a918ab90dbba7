"""Logits equal to those of Keras Applications: random weights made there, saved by Keras, read by our importer.

Keras runs on its JAX back end; what it computes with is XLA as here, but the networks, their padding and their order of
layers are Keras's own.
"""

import numpy as np
import pytest
from zoo import quick_jit

from cnn_bench.pretrained.convert import build, convert
from cnn_bench.pretrained.layout import layout_of
from cnn_bench.pretrained.read import read

keras = pytest.importorskip('keras')

# Our name -> Keras's, and the side of the images: the smallest that shows every padding (odd maps and even ones).
NETWORKS = {
    'vgg16': ('VGG16', 32),
    'vgg19': ('VGG19', 32),
    'resnet50': ('ResNet50', 64),
    'resnet101': ('ResNet101', 32),
    'resnet152': ('ResNet152', 32),
    'resnetv2_50': ('ResNet50V2', 64),
    'resnetv2_101': ('ResNet101V2', 32),
    'resnetv2_152': ('ResNet152V2', 32),
    'inception_v3': ('InceptionV3', 75),
    'inception_resnet_v2': ('InceptionResNetV2', 75),
    'xception': ('Xception', 75),
    'densenet121': ('DenseNet121', 64),
    'densenet169': ('DenseNet169', 32),
    'densenet201': ('DenseNet201', 32),
    'mobilenet_v1': ('MobileNet', 64),
    'mobilenet_v2': ('MobileNetV2', 64),
    'mobilenet_v3_small': ('MobileNetV3Small', 64),
    'mobilenet_v3_large': ('MobileNetV3Large', 64),
    'efficientnet_b0': ('EfficientNetB0', 64),
    'convnext_tiny': ('ConvNeXtTiny', 64),
}


@pytest.fixture
def random_model(monkeypatch):
    """Call it with a name and a size for Keras's network with random weights and random batch statistics."""
    blank = keras.initializers.GlorotUniform.__mro__[1]  # what draws kernels; NumPy draws them all at once, and faster
    monkeypatch.setattr(blank, '__call__', lambda self, shape, dtype=None: np.zeros(shape, np.float32))

    def make(name: str, size: int):
        keras.backend.clear_session()
        inside = {'include_preprocessing': False} if name.startswith(('ConvNeXt', 'MobileNetV3')) else {}
        model = getattr(keras.applications, name)(
            weights=None, input_shape=(size, size, 3), classifier_activation=None, **inside
        )
        generator = np.random.default_rng(0)
        for weight in model.weights:
            noise = generator.standard_normal(weight.shape, np.float32)
            match weight.path.rpartition('/')[2]:
                case 'gamma' | 'moving_variance':
                    weight.assign(np.exp(0.1 * noise))
                case 'bias' | 'beta' | 'moving_mean':
                    weight.assign(0.1 * noise)
                case 'kernel' | 'depthwise_kernel' | 'pointwise_kernel':
                    depthwise = len(weight.shape) == 4 and weight.shape[3] == 1
                    inputs = np.prod(weight.shape[: 2 if depthwise else -1])
                    weight.assign(noise * np.sqrt(2 / inputs, dtype=np.float32))
        return model

    return make


# The same structure with more blocks: `make test-all` has them as well.
DEEPER = ('vgg19', 'resnet101', 'resnet152', 'resnetv2_101', 'resnetv2_152', 'densenet169', 'densenet201')
CASES = [pytest.param(arch, marks=pytest.mark.slow) if arch in DEEPER else arch for arch in NETWORKS]


@pytest.mark.parametrize('arch', CASES)
def test_logits_are_those_of_keras(arch, tmp_path, random_model):
    name, size = NETWORKS[arch]
    theirs = random_model(name, size)
    images = np.random.default_rng(1).uniform(-4, 4, (2, size, size, 3)).astype(np.float32)
    pixels = 255 * images if name.startswith('EfficientNet') else images  # it divides them itself
    expected = np.asarray(quick_jit(lambda x: theirs(x, training=False))(pixels))
    theirs.save_weights(tmp_path / 'random.weights.h5')
    arrays, naming = read(tmp_path / 'random.weights.h5')
    assert naming == 'keras'
    variables = convert(arch, arrays, 'keras', (size, size, 3))
    if layout_of(arch, 'keras').bgr:
        images = images[..., ::-1]
    logits = np.asarray(quick_jit(build(arch, 'keras').apply)(variables, images))
    largest = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 5e-3 * largest  # the images matter
    assert np.abs(logits - expected).max() < 1e-4 * largest
