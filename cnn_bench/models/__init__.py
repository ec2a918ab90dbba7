"""The networks, one family of architectures per file.

registry     every architecture by name, with its facts; builds it
own          networks outside this package, by their place: path/to/mynet.py:MyNet
blocks       the base class `Classifier`, and the blocks and heads that networks share
layers       convolutions, normalisations, activations, poolings and initialisers that a network can be given by name
batch_norm   batch normalisation in one pass
folded       where a layer, its normalisation and its activation meet, with batch normalisation folded or not
branches     blocks of branches that are trained side by side and fused into one convolution for use
fast_ops     the operations below the layers, with implementations that are faster on CPUs than XLA's
variables    initial variables, drawn quickly
"""
