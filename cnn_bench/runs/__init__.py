"""Run directories: what they hold, writing them, and reading a tree of them as one tidy table."""

from cnn_bench.runs.curves import curves
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find, load
from cnn_bench.runs.predictions import Predictions, predictions

__all__ = ['Predictions', 'RunDirectory', 'curves', 'find', 'load', 'predictions']
