"""RepVGG in timm, in the form for training."""

from cnn_bench.pretrained.layout import Layout, Rule
from cnn_bench.pretrained.layouts.timm_names import usual

PARTS = {'conv': 'conv', 'norm': 'bn'}
_BRANCHES = {'conv1': 'conv_kxk', 'conv_1x1': 'conv_1x1'}


def _branch(at: str, branch: str, part: str) -> str:
    return f'{at}.{_BRANCHES[branch]}.{PARTS[part]}'


RULES: tuple[Rule, ...] = (
    (r'stem/(conv1|conv_1x1)/(conv|norm)', lambda branch, part: _branch('stem', branch, part)),
    (
        r'stage(\d)/block(\d+)/(conv1|conv_1x1)/(conv|norm)',
        lambda stage, block, branch, part: _branch(f'stages.{stage - 2}.{block - 1}', branch, part),
    ),
    (r'stage(\d)/block(\d+)/identity', lambda stage, block: f'stages.{stage - 2}.{block - 1}.identity'),
    (r'head/fc', 'head.fc'),
)


def timm(arch: str) -> Layout:
    """timm numbers stages and blocks from 0."""
    return Layout(rules=RULES, transform=usual(arch, interpolation='bilinear'))


LAYOUTS = {'timm': timm}
