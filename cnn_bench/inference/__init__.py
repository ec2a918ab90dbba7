"""Trained networks in use: predictions for pictures, features of data sets, nearest images, what a network sees.

Everything takes a `TrainedModel`, which `cnn_bench.trained.load` reads from a run directory or from imported weights.
"""

from cnn_bench.data.pictures import Refused
from cnn_bench.inference.inversion import Inversion, invert
from cnn_bench.inference.layers import list_layers
from cnn_bench.inference.predict import predict, probabilities
from cnn_bench.inference.sight import activation_maps, first_layer_filters, gradient_saliency, occlusion

__all__ = [
    'Inversion',
    'Refused',
    'activation_maps',
    'first_layer_filters',
    'gradient_saliency',
    'invert',
    'list_layers',
    'occlusion',
    'predict',
    'probabilities',
]
