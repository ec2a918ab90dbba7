"""Weights of other libraries in our networks: Keras Applications, torchvision, timm."""
