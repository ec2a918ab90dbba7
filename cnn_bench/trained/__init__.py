"""Trained networks: a network with its weights, its preprocessing and where it comes from, as one value."""

from cnn_bench.trained.load import load
from cnn_bench.trained.model import Origin, TrainedModel

__all__ = ['Origin', 'TrainedModel', 'load']
