"""Wide ResNet elsewhere: torchvision's names are those of its ResNet."""

from cnn_bench.pretrained.layouts.resnet import TORCHVISION

LAYOUTS = {'torchvision': TORCHVISION}
