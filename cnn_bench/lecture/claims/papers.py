"""Figures from other papers that the lecture cites or builds on, for networks in the registry."""

from functools import partial

from cnn_bench.lecture.claims.claim import Claim
from cnn_bench.lecture.claims.network_facts import below, convolutions, cost, depth, macs, params, weighted

VGG = 'Simonyan & Zisserman 2014 (VGG), table 2'
XCEPTION = 'Chollet 2016 (Xception), {}'
SQUEEZENET = 'Iandola et al. 2016 (SqueezeNet), {}'
MOBILENET = 'Howard et al. 2017 (MobileNets), {}'
INCEPTION_V3 = 'Szegedy et al. 2015 (Rethinking the Inception architecture), {}'
DENSENET = 'Huang et al. 2016 (DenseNet), {}'
VGG_PARAMETERS = {'vgg11': '133 M', 'vgg13': '133 M', 'vgg16': '138 M', 'vgg19': '144 M'}
FIRE = ('conv1', *(f'fire{number}' for number in range(2, 10)), 'head/conv10')
FIRE_PARAMETERS = (14_208, 11_920, 12_432, 45_344, 49_440, 104_880, 111_024, 188_992, 197_184, 513_000)
# Table 2 of MobileNets: share of the multiply-adds by type of layer, in per cent.
MOBILENET_SHARES = {'1x1': '94.86', 'depthwise 3x3': '3.06', '3x3': '1.19', 'dense': '0.18'}
# Table 6 of the same paper, by width.
MOBILENET_OPERATIONS = {1.0: '569 M', 0.75: '325 M', 0.5: '149 M', 0.25: '41 M'}
MOBILENET_PARAMETERS = {1.0: '4.2 M', 0.75: '2.6 M', 0.5: '1.3 M', 0.25: '0.5 M'}


def claims() -> list[Claim]:
    """Claims of papers about networks without a file of their own here."""
    return [*_vgg(), *_xception(), *_inception_v3(), *_densenet(), *_squeezenet(), *_mobilenet(), *_further()]


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


def _inception_v3():
    yield Claim(
        'inception_v3.parameters',
        'less than 25 million parameters',
        INCEPTION_V3.format('abstract'),
        '< 25 M',
        'parameters of `inception_v3`, without the auxiliary head',
        partial(params, 'inception_v3'),
        'parameters',
    )
    yield Claim(
        'inception_v3.operations',
        '5 billion multiply-adds',
        INCEPTION_V3.format('abstract'),
        '5 G',
        'multiply-adds of `inception_v3` at 299x299',
        partial(macs, 'inception_v3'),
        'multiply-adds',
        why='5.7 G, cut off',
    )
    yield Claim(
        'inception_v3.layers',
        '42 layers',
        INCEPTION_V3.format('section 6'),
        42,
        'longest path of weighted layers of `inception_v3`',
        partial(depth, 'inception_v3'),
        'layers',
        why='the released network, which this is, has 5 in its stem, 42 in its modules (3 x 3, 3, 4 x 5, 4 and 2 x 3) '
        'and a dense layer',
    )


def _densenet():
    for layers in (121, 201):
        arch = f'densenet{layers}'
        yield Claim(
            f'{arch}.layers',
            f'{layers} layers',
            DENSENET.format('table 1'),
            layers,
            f'longest path of weighted layers of `{arch}`',
            partial(depth, arch),
            'layers',
        )
    yield Claim(
        'densenet201.parameters',
        'DenseNet-201 has 20 million parameters',
        DENSENET.format('section 4.4'),
        '20 M',
        'parameters of `densenet201`',
        partial(params, 'densenet201'),
        'parameters',
    )
    yield Claim(
        'densenet201.rival',
        'and the ResNet of 101 layers, which errs as often, more than 40 million',
        DENSENET.format('section 4.4'),
        '> 40 M',
        'parameters of `resnet101`',
        partial(params, 'resnet101', stride_first=True),
        'parameters',
    )


def _squeezenet():
    yield Claim(
        'squeezenet1_0.rows',
        'parameters of conv1, fire2 to fire9 and conv10',
        SQUEEZENET.format('table 1'),
        FIRE_PARAMETERS,
        'parameters of those of `squeezenet1_0`',
        lambda: tuple(sum(row.params for row in below('squeezenet1_0', f'{name}/')) for name in FIRE),
        'parameters',
    )
    yield Claim(
        'squeezenet1_0.parameters',
        '1,248,424 parameters',
        SQUEEZENET.format('table 1'),
        1_248_424,
        'parameters of `squeezenet1_0`',
        partial(params, 'squeezenet1_0'),
        'parameters',
    )
    yield Claim(
        'squeezenet1_0.bytes',
        '4.8 MB without compression',
        SQUEEZENET.format('table 2'),
        '4.8 Mi',
        'bytes of the parameters of `squeezenet1_0`',
        lambda: cost('squeezenet1_0').param_bytes,
        'bytes',
    )
    yield Claim(
        'squeezenet1_0.times_fewer',
        '50 times fewer parameters than AlexNet',
        SQUEEZENET.format('abstract'),
        '50',
        'parameters of `alexnet` over those of `squeezenet1_0`',
        lambda: params('alexnet') / params('squeezenet1_0'),
        'times',
        why='48.8 times; 50 is the quotient of the 240 MB and 4.8 MB in table 2, of which one is in millions of bytes '
        'and the other in MiB',
    )


def _mobilenet():
    for width in MOBILENET_OPERATIONS:
        for what, column, expected in (
            ('operations', macs, MOBILENET_OPERATIONS[width]),
            ('parameters', params, MOBILENET_PARAMETERS[width]),
        ):
            yield Claim(
                f'mobilenet_v1.{what}_x{width:g}',
                f'{expected} {what} at width {width:g}',
                MOBILENET.format('table 6'),
                expected,
                f'{"multiply-adds" if column is macs else what} of `mobilenet_v1` at width {width:g}',
                partial(column, 'mobilenet_v1', width=width),
                'multiply-adds' if column is macs else what,
            )
    yield Claim(
        'mobilenet_v1.layers',
        '28 layers, depthwise and pointwise ones counted apart',
        MOBILENET.format('section 3.2'),
        28,
        'longest path of weighted layers of `mobilenet_v1`',
        partial(depth, 'mobilenet_v1'),
        'layers',
    )
    for kind, expected in MOBILENET_SHARES.items():
        yield Claim(
            f'mobilenet_v1.share_{kind.replace(" ", "_")}',
            f'{kind} layers take {expected} % of the multiply-adds',
            MOBILENET.format('table 2'),
            expected,
            f'multiply-adds of the {kind} layers of `mobilenet_v1` over all',
            partial(_share, kind),
            '%',
            why="1.91 %: a misprint, as the table's column adds up to 99.29 only" if kind == '3x3' else '',
        )


def _share(kind):
    """Per cent of MobileNet's multiply-adds that are in layers of one kind."""
    made = convolutions('mobilenet_v1')

    def kind_of(row):
        if row.op == 'dense':
            return 'dense'
        found = made[row.path]
        return f'{"depthwise " if found.groups > 1 else ""}{found.kernel}x{found.kernel}'

    return 100 * sum(row.macs for row in weighted('mobilenet_v1') if kind_of(row) == kind) / macs('mobilenet_v1')


def _further():
    for arch, source, expected in (
        ('resnext50_32x4d', 'Xie et al. 2016 (ResNeXt), table 1', '25.0 M'),
        ('wide_resnet50_2', 'Zagoruyko & Komodakis 2016 (wide ResNets), table 8', '68.9 M'),
        ('efficientnet_b0', 'Tan & Le 2019 (EfficientNet), table 2', '5.3 M'),
        ('resnetv2_164', DENSENET.format('table 2'), '1.7 M'),
        ('wide_resnet28_10', DENSENET.format('table 2'), '36.5 M'),
        ('densenet_bc100_12', DENSENET.format('table 2'), '0.8 M'),
        ('pyramidnet110_a48', "Han et al. 2016 (PyramidNet), table in the authors' release", '1.7 M'),
    ):
        yield Claim(
            f'{arch}.parameters',
            f'{expected} parameters',
            source,
            expected,
            f'parameters of `{arch}`',
            partial(params, arch),
            'parameters',
        )
    yield Claim(
        'enet.parameters',
        'ENet has 0.37 million parameters with its decoder: its encoder fewer',
        'Paszke et al. 2016 (ENet), table 3',
        '< 0.37 M',
        "parameters of `enet`, the encoder, but for the classifier's dense layer",
        partial(params, 'enet', num_classes=0),
        'parameters',
    )
    yield Claim(
        'vgg19.survey_operations',
        'VGG-19 stands at 39 G operations, two per multiply-add',
        'Canziani et al. 2017, figure 2, read off the chart',
        '39 G',
        'two times the multiply-adds of `vgg19`',
        lambda: 2 * macs('vgg19'),
        'operations',
    )
