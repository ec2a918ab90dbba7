"""The lecture's Inception modules and GoogLeNet, and table 1 of Szegedy et al. 2014."""

from functools import partial

from cnn_bench.lecture.claims.claim import Claim
from cnn_bench.lecture.claims.network_facts import (
    below,
    depth,
    layer,
    macs,
    output,
    params,
    poolings,
    weighted,
    weights,
)

MODULE = 'lecture, {} Computational Complexity'
SLIDE = 'lecture, GoogLeNet'
PAPER = 'Szegedy et al. 2014, {}'
NAIVE, REDUCED = 'inception_module_naive', 'inception_module_reduced'

# Lines on the slides: the convolution in our module, and the printed factors.
NAIVE_LINES = {
    '1x1': ('branch_1x1', (28, 28, 128, 1, 1, 256)),
    '3x3': ('branch_3x3', (28, 28, 192, 3, 3, 256)),
    '5x5': ('branch_5x5', (28, 28, 96, 5, 5, 256)),
}
REDUCED_LINES = {
    '3x3_reduce': ('branch_3x3_reduce', (28, 28, 64, 1, 1, 256)),
    '5x5_reduce': ('branch_5x5_reduce', (28, 28, 64, 1, 1, 256)),
    '1x1': ('branch_1x1', (28, 28, 128, 1, 1, 256)),
    '3x3': ('branch_3x3', (28, 28, 192, 3, 3, 64)),
    '5x5': ('branch_5x5', (28, 28, 96, 5, 5, 64)),
    'pool_projection': ('branch_pool', (28, 28, 64, 1, 1, 256)),
}

# Table 1: path of the row in `googlenet`, its output, its parameters and its operations.
TABLE = {
    'conv1': ('conv1/', (112, 112, 64), '2.7 Ki', '34 M'),
    'conv2': ('conv2', (56, 56, 192), '112 Ki', '360 M'),
    '3a': ('inception_3a/', (28, 28, 256), '159 Ki', '128 M'),
    '3b': ('inception_3b/', (28, 28, 480), '380 Ki', '304 M'),
    '4a': ('inception_4a/', (14, 14, 512), '364 Ki', '73 M'),
    '4b': ('inception_4b/', (14, 14, 512), '437 Ki', '88 M'),
    '4c': ('inception_4c/', (14, 14, 512), '463 Ki', '100 M'),
    '4d': ('inception_4d/', (14, 14, 528), '580 Ki', '119 M'),
    '4e': ('inception_4e/', (14, 14, 832), '840 Ki', '170 M'),
    '5a': ('inception_5a/', (7, 7, 832), '1072 Ki', '54 M'),
    '5b': ('inception_5b/', (7, 7, 1024), '1388 Ki', '71 M'),
    'linear': ('head/fc', (1000,), '1000 Ki', '1 M'),
}
WHY_OPERATIONS = {
    'conv1': 'a plain 7x7 convolution of 3 to 64 maps takes 118 M; 34 M, and the 2.7 k parameters beside it, fit one '
    'that is split into 8 filters per colour and a 1x1: 7 x 7 x 24 + 24 x 64 = 2,712',
    '4a': '73.6 M, cut off',
    '5a': "the row's own numbers of filters give 51 M; 54 M agree with its 1072 K parameters, which are those of other "
    'numbers of filters',
}


def claims() -> list[Claim]:
    """The claims about Inception modules and GoogLeNet."""
    return [*_modules(), *_totals(), *_depths(), *_lecture(), *_table(), *_paper()]


def _modules():
    for arch, slide, lines in (
        (NAIVE, 'Naive Inception', NAIVE_LINES),
        (REDUCED, 'Inception Module', REDUCED_LINES),
    ):
        for name, (branch, factors) in lines.items():
            h, w, maps, kernel, _, inputs = factors
            yield Claim(
                f'{arch}.{name}',
                f'{name.replace("_", " ")}: {h} x {w} x {maps} x {kernel} x {kernel} x {inputs} operations',
                MODULE.format(slide),
                h * w * maps * kernel * kernel * inputs,
                f'multiply-adds of {branch} of `{arch}`',
                lambda arch=arch, branch=branch: layer(arch, f'inception/{branch}/conv').macs,
                'multiply-adds',
            )


def _totals():
    total = partial(Claim, unit='multiply-adds')
    yield total(
        f'{NAIVE}.total',
        'the naive module takes 854 M operations',
        MODULE.format('Naive Inception'),
        '854 M',
        f'multiply-adds of `{NAIVE}`',
        partial(macs, NAIVE),
    )
    yield total(
        f'{REDUCED}.total',
        'the module with 1x1 reductions takes 358 M operations',
        MODULE.format('Inception Module'),
        '358 M',
        f'multiply-adds of `{REDUCED}`',
        partial(macs, REDUCED),
        why="the slide's own six lines add up to 271,351,808; 358 M is that sum with the 3x3 line counted twice",
    )
    yield total(
        f'{REDUCED}.total_with_3x3_twice',
        'where the 358 M come from',
        MODULE.format('Inception Module'),
        '358 M',
        f'multiply-adds of `{REDUCED}`, those of branch_3x3 twice',
        lambda: macs(REDUCED) + layer(REDUCED, 'inception/branch_3x3/conv').macs,
    )


def _depths():
    for arch, expected, text in (
        (NAIVE, (28, 28, 128 + 192 + 96 + 256), 'the naive module concatenates its branches to a depth of 672'),
        (REDUCED, (28, 28, 128 + 192 + 96 + 64), 'the module with reductions to a depth of 480'),
    ):
        yield Claim(
            f'{arch}.output',
            text,
            'lecture, GoogLeNet Inception Module',
            expected,
            f'the output shape of `{arch}`',
            partial(output, arch),
            'h, w, maps',
        )
    yield Claim(
        f'{NAIVE}.pooled_depth',
        'pooling keeps the depth of 256, so a naive module can only deepen its input',
        MODULE.format('Naive Inception'),
        256,
        f'the depth of the pooling of `{NAIVE}`',
        lambda: poolings(NAIVE)[0].output[-1],
        'maps',
    )


def _lecture():
    yield Claim(
        'googlenet.layers',
        '22 layers',
        f'{SLIDE}; {PAPER.format("section 5")}',
        22,
        'convolutions and dense layers on the longest path of `googlenet`',
        partial(depth, 'googlenet'),
        'layers',
    )
    yield Claim(
        'googlenet.parameters',
        '6 million parameters',
        SLIDE,
        '6 M',
        'parameters of `googlenet`, without auxiliary heads',
        partial(params, 'googlenet'),
        'parameters',
        why='7.0 M; 6 M is that cut off, or the network without its last dense layer, 5,973,552',
    )
    yield Claim(
        'googlenet.parameters_without_fc',
        'where the 6 million can come from',
        SLIDE,
        '6 M',
        'parameters of `googlenet` but for its dense layer',
        lambda: params('googlenet', num_classes=0),
        'parameters',
    )
    yield Claim(
        'googlenet.times_fewer',
        '10 times fewer parameters than AlexNet',
        SLIDE,
        '10',
        'parameters of `alexnet` over those of `googlenet`',
        lambda: params('alexnet') / params('googlenet'),
        'times',
        why='8.7 times; 10 is the quotient of 60 M and 6 M, which are both cut off',
    )
    yield Claim(
        'googlenet.dense',
        'no dense layer but the output',
        SLIDE,
        1,
        'dense layers of `googlenet`',
        lambda: sum(row.op == 'dense' for row in weighted('googlenet')),
    )


def _table():
    source = PAPER.format('table 1')
    for name, (prefix, shape, _, operations) in TABLE.items():
        yield Claim(
            f'googlenet.{name}',
            f'{name}: an output of {"x".join(map(str, shape))}',
            source,
            shape,
            f'output of {prefix.strip("/")} of `googlenet`',
            partial(_row_output, prefix),
            'h, w, maps',
        )
        yield Claim(
            f'googlenet.{name}_operations',
            f'{name}: {operations} operations',
            source,
            operations,
            f'multiply-adds of {prefix.strip("/")} of `googlenet`',
            lambda prefix=prefix: sum(row.macs for row in below('googlenet', prefix)),
            'multiply-adds',
            why=WHY_OPERATIONS.get(name, ''),
        )
    yield Claim(
        'googlenet.table_parameters',
        "the column 'params': 2.7 K, 112 K, 159 K, ...",
        source,
        tuple(count for _, _, count, _ in TABLE.values()),
        'weights without biases of the rows of `googlenet`',
        lambda: tuple(weights('googlenet', prefix) for prefix, *_ in TABLE.values()),
        'parameters (K = 1024)',
        why='conv2, 3a and linear hold; the others are off by up to 8 %, conv1 by more. They do not follow from the '
        "numbers of filters in the table's other columns, as its operations do but for conv1, 4a and 5a",
    )


def _paper():
    yield Claim(
        'googlenet.times_fewer_paper',
        '12 times fewer parameters than AlexNet',
        PAPER.format('section 1'),
        '12',
        'parameters of `alexnet` over those of `googlenet`',
        lambda: params('alexnet') / params('googlenet'),
        'times',
        why='8.7 times; 12 would leave 5 M, and table 1 of the same paper adds up to 6.8 M',
    )
    yield Claim(
        'googlenet.operations',
        '1.5 billion multiply-adds',
        PAPER.format('section 1'),
        '1.5 G',
        'multiply-adds of `googlenet`',
        partial(macs, 'googlenet'),
        'multiply-adds',
        why='1.58 G with a plain first convolution; with the 34 M that table 1 gives for it, 1.50 G',
    )
    yield Claim(
        'googlenet.modules',
        'nine Inception modules',
        PAPER.format('table 1'),
        9,
        'branches of 3x3 convolutions in `googlenet`',
        lambda: sum(row.path.endswith('branch_3x3/conv') for row in weighted('googlenet')),
    )


def _row_output(prefix):
    branches = [row for row in below('googlenet', prefix) if not row.path.endswith('reduce/conv')]
    *size, _ = branches[0].output_shape[1:]
    return (*size, sum(row.output_shape[-1] for row in branches))
