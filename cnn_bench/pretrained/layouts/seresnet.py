"""SE-ResNet elsewhere: timm's, named as torchvision's ResNet, with `se` behind a block's last normalisation."""

from cnn_bench.pretrained.layout import Layout, Rule
from cnn_bench.pretrained.layouts.resnet import DEEP_STEM, TORCH_RULES
from cnn_bench.pretrained.layouts.timm_names import like

GATES: tuple[Rule, ...] = (
    (r'stage(\d)/block(\d+)/se/reduce', lambda s, b: f'layer{s - 1}.{b - 1}.se.fc1'),
    (r'stage(\d)/block(\d+)/se/expand', lambda s, b: f'layer{s - 1}.{b - 1}.se.fc2'),
)
LAYOUTS = {'timm': like(Layout(rules=(*GATES, *DEEP_STEM, *TORCH_RULES)))}
