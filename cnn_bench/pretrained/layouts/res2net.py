"""Res2Net elsewhere: timm's, named as torchvision's ResNet, with the convolutions of the splits in lists."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.resnet import TORCH_RULES
from cnn_bench.pretrained.layouts.timm_names import like


def _split(stage: int, block: int, number: int, layer: str) -> str:
    return f'layer{stage - 1}.{block - 1}.{"convs" if layer == "conv" else "bns"}.{number - 1}'


SPLITS = ((r'stage(\d)/block(\d+)/conv2_(\d)/(conv|norm)', _split),)
LAYOUTS = {'timm': like(Layout(rules=(*SPLITS, *TORCH_RULES)))}
