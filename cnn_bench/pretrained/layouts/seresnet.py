"""SE-ResNet elsewhere: timm's, named as torchvision's ResNet, with `se` behind a block's last normalisation."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.resnet import TORCH_RULES
from cnn_bench.pretrained.layouts.timm_names import like

_TIMM = Layout(
    rules=(
        (r'stage(\d)/block(\d+)/se/reduce', lambda s, b: f'layer{s - 1}.{b - 1}.se.fc1'),
        (r'stage(\d)/block(\d+)/se/expand', lambda s, b: f'layer{s - 1}.{b - 1}.se.fc2'),
        *TORCH_RULES,
    ),
)
LAYOUTS = {'timm': like(_TIMM)}
