"""Run directories: what they hold, writing them, and reading a tree of them as one tidy table."""

from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find, load

__all__ = ['RunDirectory', 'find', 'load']
