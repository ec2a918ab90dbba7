"""ResNets for CIFAR. He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015, section 4.2.

`resnet20` has 3 stages of n = 3 blocks with two 3x3 convolutions, `resnet32` has n = 5, and so on: 6n + 2 layers with
weights. Shortcuts have no parameters (option A), so `plain20` and `plain56`, the same networks without shortcuts, have
exactly as many. No known departures. Images of 28x28 work as well. Later networks for CIFAR are in `resnet_v2`,
`wide_resnet`, `pyramidnet` and `densenet`.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from cnn_bench.models.resnet import BasicBlock, ResNet


class CifarResNet(ResNet):
    """A 3x3 convolution and three stages of basic blocks with 16, 32 and 64 channels."""

    stems: ClassVar[tuple[str, ...]] = ('small',)

    num_classes: int = 10
    stem: str = 'small'
    block: Callable = BasicBlock
    maps: tuple = (16, 32, 64)
    depths: tuple = (3, 3, 3)
    shortcut: str = 'pad'


ResNet20 = partial(CifarResNet, depths=(3, 3, 3))
ResNet32 = partial(CifarResNet, depths=(5, 5, 5))
ResNet44 = partial(CifarResNet, depths=(7, 7, 7))
ResNet56 = partial(CifarResNet, depths=(9, 9, 9))
ResNet110 = partial(CifarResNet, depths=(18, 18, 18))
Plain20 = partial(ResNet20, residual=False)
Plain56 = partial(ResNet56, residual=False)
