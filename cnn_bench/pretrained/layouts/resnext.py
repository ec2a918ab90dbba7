"""ResNeXt elsewhere: the names of torchvision and timm are those of their ResNet."""

from cnn_bench.pretrained.layouts.resnet import TORCHVISION
from cnn_bench.pretrained.layouts.timm_names import like

LAYOUTS = {'torchvision': TORCHVISION, 'timm': like(TORCHVISION)}
