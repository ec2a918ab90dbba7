"""How other libraries name the weights of our networks: a module per family, named as in `cnn_bench.models`.

Each has `LAYOUTS`: a dictionary of the library ('torchvision', 'timm', 'keras') to its `Layout`, or to a function of
the architecture's name that gives it (or None, where that library does not have the architecture).
"""
