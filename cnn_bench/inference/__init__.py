"""Trained networks at work: predictions for pictures, features of data sets, nearest images, what a network sees.

All of it starts from `load`, which makes a `Network` of a run directory or of imported weights.
"""

from cnn_bench.inference.inversion import Inversion, invert
from cnn_bench.inference.layers import list_layers
from cnn_bench.inference.network import Network, load
from cnn_bench.inference.pictures import Refused
from cnn_bench.inference.predict import predict, probabilities
from cnn_bench.inference.sight import activation_maps, first_layer_filters, gradient_saliency, occlusion

__all__ = [
    'Inversion',
    'Network',
    'Refused',
    'activation_maps',
    'first_layer_filters',
    'gradient_saliency',
    'invert',
    'list_layers',
    'load',
    'occlusion',
    'predict',
    'probabilities',
]
