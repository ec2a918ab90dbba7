"""ResNet-RS. Bello, Fedus, Du, Cubuk, Srinivas, Lin, Shlens, Zoph: Revisiting ResNets, 2021.

`resnetrs50` is ResNet-50-D with a gate in every block that has a quarter of the channels inside, a convolution in place
of the stem's pooling, and dropout of 0.25, for images of 160x160. As in the authors' release and in timm, that
convolution is a 3x3 of its own, with stride 2. Each of these is a field of `cnn_bench.models.seresnet`, so that any of
them can be had alone. No known departures beyond those of `cnn_bench.models.resnet`; the paper's training (weight
decay, augmentation, average of the weights) is the recipe's.

`stem='small'`: the stem's three convolutions with stride 1, and nothing in place of the pooling.
"""

from functools import partial

from cnn_bench.models.seresnet import SEResNet50

ResNetRS50 = partial(
    SEResNet50,
    deep_stem=(32, 32, 64),
    pool_by_conv=True,
    shortcut='pooled_projection',
    reduction=4,
    dropout=0.25,
)
