"""Claims that counting cannot settle: accuracies, recipes, and facts about the ImageNet challenge.

`tested_by` names the recipe or experiment in this repository that tests the claim. It is 'none yet' if there is none,
and empty if the figure can only be quoted.
"""

from functools import partial

from cnn_bench.lecture.claims.claim import NONE_YET, Claim

IMAGENET = 'lecture, ImageNet Challenge'
CIFAR_ERRORS = {'resnet20': '8.75', 'resnet56': '6.97', 'resnet110': '6.43'}


def claims() -> list[Claim]:
    """The claims that need training, and those that are only quoted."""
    return [*_accuracies(), *_small_images(), *_unmeasured(), *_recipes(), *_quoted()]


def _accuracies():
    claim = partial(Claim, unit='% top-5 error')
    yield claim(
        'alexnet.top5',
        'AlexNet: 17 % top-5 error in the challenge of 2012',
        'lecture, AlexNet; Krizhevsky et al. 2012, abstract: 17.0 % is for the test set of 2010, 15.3 % for 2012',
        '17',
        tested_by='configs/alexnet.py',
    )
    yield claim(
        'googlenet.top5',
        'GoogLeNet: below 7 % top-5 error',
        'lecture, GoogLeNet; Szegedy et al. 2014, table 2: 6.67 %, seven networks and many crops',
        '< 7',
        tested_by='configs/googlenet.py',
    )
    yield claim(
        'resnet152.top5',
        'ResNet: 3.6 % top-5 error',
        'lecture, ResNet; He et al. 2015, table 5: 3.57 %, an ensemble of six networks',
        '3.6',
        tested_by='configs/resnet_imagenet.py',
    )


def _small_images():
    yield Claim(
        'fashion_cnn.accuracy',
        'the small network reaches 92 % on Fashion-MNIST',
        'lecture, A simple CNN to tackle the Fashion-MNIST',
        '92',
        unit='% top-1 accuracy',
        tested_by='configs/fashion_cnn.py',
    )
    yield Claim(
        'lenet5_1998.error',
        'LeNet-5 errs on 0.95 % of MNIST',
        'LeCun et al. 1998, section III.B',
        '0.95',
        unit='% top-1 error',
        tested_by=NONE_YET,
    )
    for arch, error in CIFAR_ERRORS.items():
        yield Claim(
            f'{arch}.error',
            f'{arch} errs on {error} % of CIFAR-10',
            'He et al. 2015, table 6',
            error,
            unit='% top-1 error',
            tested_by='configs/resnet_cifar.py',
        )
    yield Claim(
        'plain56.worse',
        'a plain network of 56 layers does worse than one of 20, in training as in test',
        'lecture, More layers equals better?; He et al. 2015, figure 1',
        '> 0',
        unit='points of error, plain56 minus plain20',
        tested_by='experiments/depth_degradation.py --preset full',
    )


def _unmeasured():
    yield Claim(
        'xception.better',
        'separable convolutions generally perform better than plain ones',
        'lecture, Separable convolutional layers',
        '> 0',
        unit='points of accuracy',
        tested_by='experiments/separable.py --preset full',
    )
    yield Claim(
        'toy.votes',
        'the picture of the X gets 0.90 of the votes for X and 0.10 for O; the weights are not given',
        'lecture, Fully Connected Layer',
        ('0.90', '0.10'),
    )


def _recipes():
    yield Claim(
        'alexnet.recipe',
        'AlexNet was trained with batches of 128, momentum 0.9 and a learning rate of 0.01, divided by 10 on plateaus',
        'lecture, AlexNet Architecture; Krizhevsky et al. 2012, section 5',
        (128, '0.9', '0.01'),
        unit='batch, momentum, learning rate',
        tested_by='configs/alexnet.py',
    )
    yield Claim(
        'resnet.recipe',
        'ResNet was trained with batches of 256, momentum 0.9 and a learning rate of 0.1, divided by 10 on plateaus',
        'lecture, ResNet Config; He et al. 2015, section 3.4',
        (256, '0.9', '0.1'),
        unit='batch, momentum, learning rate',
        tested_by='configs/resnet_imagenet.py',
    )
    transfer = partial(
        Claim,
        source='lecture, Train using Transfer Learning',
        unit='epochs, learning rate',
        tested_by='configs/transfer.py',
    )
    yield transfer(
        'transfer.head',
        'a new head on frozen Xception layers: 5 epochs at a learning rate of 0.2',
        expected=(5, '0.2'),
    )
    yield transfer(
        'transfer.all',
        'then all layers: 40 epochs at a learning rate of 0.01',
        expected=(40, '0.01'),
    )


def _quoted():
    yield Claim(
        'gbdnet.top5',
        'GBD-Net: below 3 % top-5 error, winner of 2016',
        'lecture, Summary; the results of ILSVRC 2016 give 2.99 % to Trimps-Soushen, and the detection task to '
        'the team of GBD-Net',
        '< 3',
        unit='% top-5 error, an ensemble',
    )
    yield Claim(
        'resnet152.training_time', '2 to 3 weeks of training on 8 GPUs', 'lecture, ResNet', ('2', '3'), unit='weeks'
    )
    yield Claim('imagenet.images', 'ImageNet has 14.2 million images', IMAGENET, '14.2 M', unit='images')
    yield Claim('imagenet.dogs', '120 of the classes are breeds of dogs', IMAGENET, 120, unit='classes')
