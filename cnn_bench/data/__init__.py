"""Data sets by name: random access, whole arrays, batches for training and evaluation, and how to prepare them.

Sets are TFDS ArrayRecord directories, read without TensorFlow and without a network. Importing this package imports
neither jax, grain nor tensorflow_datasets; each is imported by the first call that needs it. `augment`, which is jax
throughout, is a module to import by itself.
"""

from cnn_bench.data.facts import Info, info
from cnn_bench.data.locate import names
from cnn_bench.data.pipeline import stream
from cnn_bench.data.split import Split, load_arrays, open_split

__all__ = ['Info', 'Split', 'info', 'load_arrays', 'names', 'open_split', 'stream']
