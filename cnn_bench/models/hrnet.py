"""HRNet. Wang et al.: Deep high-resolution representation learning for visual recognition, 2019.

Branches of several resolutions run in parallel and exchange what they have after every module; each stage adds a branch
of half the resolution. `hrnet_w18` is the authors' network for classification (HRNet-W18-C), named by the channels of
its first branch: the maps of all branches are widened by a bottleneck each, and added from the largest to the smallest.
As in their release, the convolutions behind that have biases although they are normalised. No known departures.

`stem='small'` (ours): the two convolutions of the stem keep the resolution, so that the branches of 28x28 images have
28, 14, 7 and 4. Maps of odd sides are enlarged to the next even side and cut.
"""

from collections.abc import Callable
from functools import partial

import jax
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, Stage, require
from cnn_bench.models.layers import identity
from cnn_bench.models.resnet import BasicBlock, Bottleneck

STEM = 64  # channels of the stem and of the bottlenecks of stage 1
HEAD = (32, 64, 128, 256)  # of the bottleneck behind each branch, which gives four times as many


def enlarge(x: jax.Array, factor: int, size: tuple[int, int]) -> jax.Array:
    """x (n, h, w, c) with every pixel repeated `factor` times in both directions, cut to `size` (rows, columns)."""
    return x.repeat(factor, axis=1).repeat(factor, axis=2)[:, : size[0], : size[1]]


class Fusion(nn.Module):
    """The activated sum of all maps at the resolution and with the channels of the map number `to`.

    Smaller maps go through a 1x1 convolution and are enlarged; larger ones are halved by 3x3 convolutions, of which the
    last has the channels of the sum and no activation.
    """

    to: int  # from 0, the largest map
    conv_norm_act: Callable
    act: Callable

    @nn.compact
    def __call__(self, maps):
        target = maps[self.to]
        total = 0
        for number, x in enumerate(maps):
            name, halvings = f'from{number + 1}', self.to - number
            if halvings < 0:
                x = self.conv_norm_act(target.shape[-1], 1, act=identity, name=name)(x)
                x = enlarge(x, 2**-halvings, target.shape[1:3])
            for step in range(1, halvings + 1):
                last = {'act': identity} if step == halvings else {}
                channels = target.shape[-1] if last else x.shape[-1]
                x = self.conv_norm_act(channels, 3, 2, name=f'{name}_conv{step}', **last)(x)
            total = total + x
        return self.act(total)


class ExchangeModule(nn.Module):
    """`blocks` basic blocks in each branch, and a fusion for each: maps (n, h, w, c), one per branch, to as many."""

    blocks: int
    conv_norm_act: Callable
    act: Callable

    @nn.compact
    def __call__(self, maps):
        fused = []
        for number, x in enumerate(maps, 1):
            block = partial(BasicBlock, x.shape[-1], 1, self.conv_norm_act, self.act)
            fused.append(Stage((block,) * self.blocks, name=f'branch{number}')(x))
        fusions = [Fusion(to, self.conv_norm_act, self.act, name=f'fuse{to + 1}') for to in range(len(maps))]
        return tuple(fusion(fused) for fusion in fusions)


class HRNet(Classifier):
    """A stem of two convolutions, a stage of bottlenecks, and stages of exchange modules with 2, 3 and 4 branches.

    `depths` are the bottlenecks of stage 1 and the modules of the others, `blocks` the basic blocks of every branch.
    """

    maps: tuple = (18, 36, 72, 144)
    depths: tuple = (4, 1, 4, 3)
    blocks: int = 4

    def __post_init__(self):
        super().__post_init__()
        require(self, 'depths', len(self.depths) == len(HEAD), f'{len(HEAD)} numbers')
        require(self, 'maps', len(self.maps) == len(HEAD), f'{len(HEAD)} numbers')
        require(self, 'blocks', self.blocks >= 1, 'at least 1')

    @nn.compact
    def features(self, x, train=False):
        conv_norm_act = self.conv_norm_act(train)
        for number in (1, 2):
            x = conv_norm_act(self.scaled(STEM), 3, 1 if self.small else 2, name=f'stem{number}')(x)
        block = partial(Bottleneck, self.scaled(STEM), 1, conv_norm_act, self.act)
        maps = (Stage((block,) * self.depths[0], name='stage1')(x),)
        for stage, depth in enumerate(self.depths[1:], 2):
            maps = self._with_another_branch(maps, stage, conv_norm_act)
            module = partial(ExchangeModule, self.blocks, conv_norm_act, self.act)
            maps = Stage((module,) * depth, label='module', name=f'stage{stage}')(maps)
        return self._merged(maps, train)

    def _with_another_branch(self, maps, stage, conv_norm_act):
        """The maps and one more; those of stage 1 are brought to the first branch's channels."""
        branch = partial(conv_norm_act, kernel=3)
        added = branch(self.scaled(self.maps[stage - 1]), stride=2, name=f'transition{stage - 1}_{stage}')(maps[-1])
        if stage == 2:
            maps = (branch(self.scaled(self.maps[0]), name='transition1_1')(maps[0]),)
        return (*maps, added)

    def _merged(self, maps, train):
        conv_norm_act, biased = self.conv_norm_act(train), self.conv_norm_act(train, use_bias=True)
        y = None
        for number, (x, channels) in enumerate(zip(maps, HEAD, strict=True), 1):
            x = Bottleneck(self.scaled(channels), 1, conv_norm_act, self.act, name=f'widen{number}')(x)
            y = x if y is None else x + biased(x.shape[-1], 3, 2, name=f'down{number - 1}')(y)
        return biased(2 * y.shape[-1], 1, name='last')(y)


HRNetW18 = HRNet
