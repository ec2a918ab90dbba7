"""cnn_bench: what does a given accuracy cost?"""

from cnn_bench.runtime import cpu

__version__ = '0.1.0'

cpu.prepare()
