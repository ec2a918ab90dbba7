"""Blocks of linear branches, which train better than the one convolution that they add up to (Ding et al. 2021, arXiv
2101.03697, section 3.3).

In evaluation a convolution with its batch normalisation is a convolution with a bias, a 1x1 kernel is the centre of a
larger one, and the input is its own convolution with a 1 at the centre. So the sum of such branches is one convolution:
the network has a form for training, with branches, and a form for use, in which they are fused. Both have their counts
in the registry. `cnn_bench.trained.folding` makes the variables of the second from those of the first; the same module
takes both kinds, so that a fused network is used as any other, and `fused=True` makes one that has the second from the
start.
"""

from collections.abc import Callable
from functools import partial, reduce
from operator import add

import jax
from flax import linen as nn

from cnn_bench.models.blocks import Classifier, require
from cnn_bench.models.layers import batch_norm, conv, identity

FUSED, POINT, IDENTITY = 'fused', 'conv_1x1', 'identity'


class RepBlock(nn.Module):
    """act(y), y the sum of branches: `branches` convolutions, one of 1x1 beside a larger kernel, and the input where it
    has the shape of the output, each with its normalisation; or one convolution, where they are fused.

    Networks bind its layers in `Branched.rep_block`.
    """

    features: int
    kernel: int
    stride: int = 1
    groups: int = 1
    branches: int = 1  # with the whole kernel
    fused: bool = False  # from the start
    train: bool = False
    conv: Callable = conv  # `conv(features, kernel, stride, padding, groups, name=...)(x)`, with a bias
    conv_norm: Callable | None = None  # `ConvNorm` without activation
    norm: Callable | None = None  # `norm(name=...)(x)`
    act: Callable = nn.relu

    @nn.compact
    def __call__(self, x):
        if self.fused or (not self.train and self.has_variable('params', FUSED)):
            return self.act(self.conv(self.features, self.kernel, self.stride, None, self.groups, name=FUSED)(x))
        unit = partial(self.conv_norm, self.features, stride=self.stride, groups=self.groups)
        y = reduce(add, [unit(self.kernel, name=name)(x) for name in self.conv_names()])
        if self.kernel > 1:
            y += unit(1, name=POINT)(x)
        if self.has_identity(x):
            y += self.norm(name=IDENTITY)(x)
        return self.act(y)

    @nn.nowrap
    def conv_names(self) -> tuple[str, ...]:
        """The names of the branches with the whole kernel."""
        return tuple(f'conv{number}' for number in range(1, self.branches + 1))

    @nn.nowrap
    def has_identity(self, x: jax.Array) -> bool:
        """Whether one of the branches is the input x (n, h, w, c)."""
        return self.stride == 1 and x.shape[-1] == self.features


class Branched(Classifier):
    """The base of networks of `RepBlock`s."""

    fused: bool = False  # whether its blocks have one convolution from the start

    def __post_init__(self):
        super().__post_init__()
        require(self, 'fused', not self.fused or self._adds_up, "False unless norm is 'batch' and conv is 'dense'")

    @property
    def fuses(self) -> bool:
        """Whether it has branches that can be fused after training."""
        return self._adds_up and not self.fused

    @property
    def _adds_up(self) -> bool:
        return self.norm is batch_norm and self.conv is conv

    @nn.nowrap
    def rep_block(self, train: bool) -> Callable:
        """`RepBlock` with this network's layers: `rep_block(train)(features, kernel, stride, name='block1')(x)`."""
        return partial(
            RepBlock,
            fused=self.fused,
            train=train,
            conv=partial(self.conv, use_bias=True, dtype=self.dtype, kernel_init=self.kernel_init),
            conv_norm=partial(self.conv_norm_act(train), act=identity),
            norm=self.normalise(train),
            act=self.act,
        )


def in_use(module: nn.Module) -> nn.Module:
    """The form in which a network is evaluated and used: without auxiliary heads, its branches fused."""
    module = module.clone(aux=False) if getattr(module, 'aux', False) else module
    return module.clone(fused=True) if getattr(module, 'fuses', False) else module
