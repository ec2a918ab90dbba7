"""cnn_bench: what does a given accuracy cost?"""

__version__ = '0.1.0'
