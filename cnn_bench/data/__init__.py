"""Data sets by name: random access, whole arrays, batches for training and evaluation, and preparing new sets.

A set is a TFDS directory of ArrayRecord files, read without TensorFlow and without network access. Importing this
package imports neither jax, grain nor tensorflow_datasets, which the first call that needs them imports; `augment`,
which needs jax throughout, is imported separately.
"""

from cnn_bench.data.facts import Info, info
from cnn_bench.data.locate import names
from cnn_bench.data.pipeline import stream
from cnn_bench.data.split import Split, load_arrays, open_split

__all__ = ['Info', 'Split', 'info', 'load_arrays', 'names', 'open_split', 'stream']
