"""Figures of other papers that the lecture names or rests on, for the networks of the registry."""

from functools import partial

from cnn_bench.claims.claim import Claim
from cnn_bench.claims.networks import convolutions, macs, params

VGG = 'Simonyan & Zisserman 2014 (VGG), table 2'
XCEPTION = 'Chollet 2016 (Xception), {}'
VGG_PARAMETERS = {'vgg11': '133 M', 'vgg13': '133 M', 'vgg16': '138 M', 'vgg19': '144 M'}


def claims() -> list[Claim]:
    """The claims of papers on networks that have no file of their own here."""
    return [*_vgg(), *_xception(), *_survey()]


def _vgg():
    for arch, expected in VGG_PARAMETERS.items():
        yield Claim(
            f'{arch}.parameters',
            f'{expected} parameters',
            VGG,
            expected,
            f'parameters of `{arch}`',
            partial(params, arch),
            'parameters',
        )


def _xception():
    yield Claim(
        'xception.parameters',
        '22,855,952 parameters',
        XCEPTION.format('table 3'),
        22_855_952,
        'parameters of `xception`',
        partial(params, 'xception'),
        'parameters',
    )
    yield Claim(
        'xception.convolutions',
        '36 convolutional layers, separable ones counted once, shortcuts left out',
        XCEPTION.format('section 4'),
        36,
        'convolutions of `xception` that are neither depthwise nor a shortcut',
        lambda: sum('depthwise' not in path and 'shortcut' not in path for path in convolutions('xception')),
        'layers',
    )
    for what, column in (('parameters', params), ('computations', macs)):
        yield Claim(
            f'xception.fewer_{what}',
            f'separable convolutions give Xception fewer {what} than plain ones would',
            'lecture, Separable convolutional layers',
            '< 1',
            f"{what} of `xception` over those with conv='dense'",
            lambda column=column: column('xception') / column('xception', conv='dense'),
            'times',
        )


def _survey():
    yield Claim(
        'vgg19.survey_operations',
        'VGG-19 stands at 39 G operations, two per multiply-add',
        'Canziani et al. 2017, figure 2, read off the chart',
        '39 G',
        'two times the multiply-adds of `vgg19`',
        lambda: 2 * macs('vgg19'),
        'operations',
    )
