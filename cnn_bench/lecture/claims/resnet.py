"""The lecture's slides about ResNet, and the tables of He et al. 2015."""

from functools import partial
from math import prod

import jax

from cnn_bench.lecture.claims.claim import Claim
from cnn_bench.lecture.claims.network_facts import (
    build,
    convolutions,
    depth,
    dropouts,
    macs,
    parameter_paths,
    params,
    weighted,
)

SLIDE = 'lecture, ResNet'
CONFIG = 'lecture, ResNet Config'
PAPER = 'He et al. 2015, {}'
DEEPEST = 'resnet152'
VERSION_1 = {'stride_first': True}  # as in the paper; basic blocks are the same in both

# Table 1: layers and 10^9 "FLOPs", which are multiply-adds.
IMAGENET = {
    'resnet18': (18, '1.8 G', {}),
    'resnet34': (34, '3.6 G', {}),
    'resnet50': (50, '3.8 G', VERSION_1),
    'resnet101': (101, '7.6 G', VERSION_1),
    'resnet152': (152, '11.3 G', VERSION_1),
}
CIFAR = {'resnet20': '0.27 M', 'resnet32': '0.46 M', 'resnet44': '0.66 M', 'resnet56': '0.85 M', 'resnet110': '1.7 M'}
WHY_OPERATIONS = {
    'resnet34': '3.66 G with projection shortcuts; the table gives the plain network, see resnet34.operations_plain',
    'resnet50': '3.86 G, cut off; version 1.5, with the stride in the 3x3, takes 4.09 G',
}


def claims() -> list[Claim]:
    """The claims about ResNets."""
    return [*_lecture(), *_recipe(), *_imagenet(), *_against_vgg(), *_cifar()]


def _lecture():
    yield Claim(
        'resnet152.layers',
        '152 layers',
        SLIDE,
        152,
        'convolutions and dense layers on the longest path of `resnet152`',
        partial(depth, DEEPEST, **VERSION_1),
        'layers',
    )
    for layers in (20, 56):
        residual, plain = f'resnet{layers}', f'plain{layers}'
        yield Claim(
            f'{plain}.parameters',
            f'the plain network of {layers} layers has as many parameters as the residual one',
            f'lecture, Regular DNN vs. ResNet; {PAPER.format("section 4.2")}',
            0,
            f'parameters of `{residual}` minus those of `{plain}`',
            lambda residual=residual, plain=plain: params(residual) - params(plain),
        )
        yield Claim(
            f'{plain}.layers',
            f'{layers} layers, with and without shortcuts',
            'lecture, More layers equals better?',
            (layers, layers),
            f'longest path of weighted layers of `{plain}` and `{residual}`',
            lambda residual=residual, plain=plain: (depth(plain), depth(residual)),
            'layers',
        )


def _recipe():
    yield Claim(
        'resnet.batch_norm',
        'batch normalisation after every convolution',
        CONFIG,
        0,
        'convolutions of `resnet152` that have no norm beside them',
        _without_norm,
        'convolutions',
    )
    yield Claim(
        'resnet.he_initialisation',
        'He initialisation: weights of variance 2 / n for n inputs',
        f'{CONFIG}; He et al. 2015 (rectifiers), equation 10',
        '2.00',
        "variance times inputs of a 3x3 kernel of 256 to 256 maps drawn by `resnet152`'s initialiser",
        _variance_of_initialiser,
    )
    yield Claim(
        'resnet.dropout',
        'no dropout',
        CONFIG,
        0,
        'dropout layers of `resnet152` with a rate above 0',
        lambda: sum(rate > 0 for rate in dropouts(DEEPEST, **VERSION_1)),
    )


def _without_norm():
    scaled = {path.removesuffix('/norm/scale') for path in parameter_paths(DEEPEST, **VERSION_1)}
    return sum(path.removesuffix('/conv') not in scaled for path in convolutions(DEEPEST, **VERSION_1))


def _variance_of_initialiser():
    network, _ = build(DEEPEST, **VERSION_1)
    kernel = network.kernel_init(jax.random.key(0), (3, 3, 256, 256))
    return float(kernel.var()) * prod(kernel.shape[:-1])


def _imagenet():
    for arch, (layers, operations, fields) in IMAGENET.items():
        if arch != DEEPEST:
            yield Claim(
                f'{arch}.layers',
                f'{layers} layers',
                PAPER.format('table 1'),
                layers,
                f'longest path of weighted layers of `{arch}`',
                partial(depth, arch, **fields),
                'layers',
            )
        yield Claim(
            f'{arch}.operations',
            f'{operations} operations',
            PAPER.format('table 1'),
            operations,
            f'multiply-adds of `{arch}` in version 1',
            partial(macs, arch, **fields),
            'multiply-adds',
            why=WHY_OPERATIONS.get(arch, ''),
        )
    yield Claim(
        'resnet34.operations_plain',
        'the 34-layer baseline takes 3.6 G operations',
        PAPER.format('section 3.3'),
        '3.6 G',
        'multiply-adds of `resnet34` without shortcuts',
        partial(macs, 'resnet34', residual=False),
        'multiply-adds',
    )


def _against_vgg():
    for arch, expected, why in (
        ('vgg16', '15.3 G', '15.3 G are its convolutions alone; with the dense layers 15.5 G'),
        ('vgg19', '19.6 G', ''),
    ):
        yield Claim(
            f'{arch}.operations',
            f'VGG-{arch[3:]} takes {expected} operations',
            PAPER.format('section 4.1'),
            expected,
            f'multiply-adds of `{arch}`',
            partial(macs, arch),
            'multiply-adds',
            why=why,
        )
    yield Claim(
        'vgg16.operations_of_convolutions',
        'where the 15.3 G come from',
        PAPER.format('section 4.1'),
        '15.3 G',
        'multiply-adds of the convolutions of `vgg16`',
        lambda: sum(row.macs for row in weighted('vgg16') if row.op == 'conv'),
        'multiply-adds',
    )
    yield Claim(
        'resnet34.share_of_vgg19',
        'the 34-layer baseline takes 18 % of the operations of VGG-19',
        PAPER.format('section 3.3'),
        '18',
        'multiply-adds of `resnet34` without shortcuts over those of `vgg19`',
        lambda: 100 * macs('resnet34', residual=False) / macs('vgg19'),
        '%',
        why='18.6 %; 18 is the quotient of the rounded 3.6 G and 19.6 G',
    )
    yield Claim(
        'resnet152.below_vgg',
        'even 152 layers take fewer operations than VGG-16',
        PAPER.format('section 4.1'),
        '< 1',
        'multiply-adds of `resnet152` in version 1 over those of `vgg16`',
        lambda: macs(DEEPEST, **VERSION_1) / macs('vgg16'),
        'times',
    )


def _cifar():
    for arch, expected in CIFAR.items():
        yield Claim(
            f'{arch}.parameters',
            f'{expected} parameters',
            PAPER.format('table 6'),
            expected,
            f'parameters of `{arch}`',
            partial(params, arch),
            'parameters',
        )
    yield Claim(
        'resnet.cifar_layers',
        '6n + 2 layers for stages of n blocks',
        PAPER.format('section 4.2'),
        tuple(6 * n + 2 for n in (3, 5, 7, 9, 18)),
        f'longest path of weighted layers of {", ".join(f"`{arch}`" for arch in CIFAR)}',
        lambda: tuple(depth(arch) for arch in CIFAR),
        'layers',
    )
