"""Trained networks in use: predictions for pictures, features of data sets, nearest images, what a network sees,
and pictures made by its gradients.

Everything takes a `TrainedModel`, which `cnn_bench.trained.load` reads from a run directory or from imported weights.
"""

from cnn_bench.data.pictures import Refused
from cnn_bench.inference.dreams import Dream, dream
from cnn_bench.inference.inversion import Inversion, invert
from cnn_bench.inference.layers import list_layers
from cnn_bench.inference.predict import predict, probabilities
from cnn_bench.inference.sight import activation_maps, first_layer_filters, gradient_saliency, occlusion
from cnn_bench.inference.style import Plan, plan_for, stylize

__all__ = [
    'Dream',
    'Inversion',
    'Plan',
    'Refused',
    'activation_maps',
    'dream',
    'first_layer_filters',
    'gradient_saliency',
    'invert',
    'list_layers',
    'occlusion',
    'plan_for',
    'predict',
    'probabilities',
    'stylize',
]
