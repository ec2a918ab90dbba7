"""ConvNeXt V2 in timm, with the names of ConvNeXt there."""

import dataclasses

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts import convnext

_GRN = (r'stage(\d)/block(\d+)/grn', lambda stage, block: f'stages.{stage - 2}.blocks.{block - 1}.mlp.grn')


def timm(arch: str) -> Layout:
    """timm's `grn` has a weight and a bias as a normalisation has."""
    layout = convnext.timm(arch)
    return dataclasses.replace(layout, rules=(_GRN, *layout.rules))


LAYOUTS = {'timm': timm}
