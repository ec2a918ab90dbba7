"""ResNet-RS elsewhere: timm's, whose weights are the authors', named as its ResNet-D with gates."""

from cnn_bench.pretrained.layout import Layout
from cnn_bench.pretrained.layouts.resnet import DEEP_STEM, POOLED, TORCH_RULES
from cnn_bench.pretrained.layouts.seresnet import GATES
from cnn_bench.pretrained.layouts.timm_names import like

STEM_POOL = ((r'stem_pool/conv', 'maxpool.0'), (r'stem_pool/norm', 'maxpool.1'))
LAYOUTS = {'timm': like(Layout(rules=(*GATES, *DEEP_STEM, *STEM_POOL, *POOLED, *TORCH_RULES)))}
