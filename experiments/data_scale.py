"""How does the error fall with the number of training images, at an equal number of steps?

Command    cnn-bench sweep experiments/data_scale.py --preset demo --jobs 2 --out runs/data_scale
           cnn-bench report runs/data_scale
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     Hestness et al. 2017 (arXiv 1712.00409): the error falls as a power of the number of images, in image
           classification with an exponent of -0.3; Sun et al. 2017 (arXiv 1707.02968) found it logarithmic.
Held equal the network, the recipe and the steps, and so multiply-adds: fewer images are seen more often. Each set of
           images contains the smaller ones.
Expect     about a straight line on two logarithmic axes, with a smaller exponent than the paper's. Demo, one seed,
           before validation images were held out: 19.9 % with 625 images to 13.3 % with 10,000, an exponent of -0.14.
"""

import numpy as np

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, FLIP_AND_CROP, VGG11

QUESTION = 'How does the error fall with the number of training images, at an equal number of steps?'
SOURCE = 'Hestness et al. 2017 (arXiv 1712.00409), image classification'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'model.width': 0.125, 'total_steps': 400},
    'full': {**FASHION_MNIST, **FLIP_AND_CROP, 'total_steps': 9360},
}
HELD_EQUAL = ('macs',)
BASELINE = '9000 images'
CHARTS = ('learning_curves', 'differences')
HESTNESS = 'Hestness et al. 2017, image classification'
SIZES = {'demo': (562, 1125, 2250, 4500, 9000), 'full': (562, 1125, 2250, 4500, 9000, 18_000, 36_000, 55_000)}
HYPOTHESES = (
    Hypothesis('8 times the images lower the error', HESTNESS, less='9000 images', more='1125 images'),
    Hypothesis('so they do with half as many of each', HESTNESS, less='4500 images', more='562 images'),
    Hypothesis('doubling them still helps at the end', HESTNESS, less='9000 images', more='4500 images'),
)
EVALUATIONS = 6


def variants(preset):
    """VGG-11 with batch norm on more and more images, evaluated equally often."""
    seen = PRESETS[preset]['total_steps'] * PRESETS[preset]['batch_size']
    return {
        f'{images} images': {
            **VGG11,
            'schedule.warmup_epochs': 0.0,  # it would be a different number of steps for each
            'dataset.train_images': images,
            'eval_every_epochs': max(1, round(seen / images / EVALUATIONS)),
        }
        for images in SIZES[preset]
    }


def report(table):
    """The error at each number of images, and the power law that fits them best."""
    error = means(table)
    images = np.array([int(label.split()[0]) for label in error.index])
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        _law(images, error.to_numpy()),
        difference(error, '9000 images', '4500 images'),
    )


def _law(images, error):
    """The fit of error = a images^b by least squares of logarithms, and the largest deviation from it."""
    if len(images) < 3 or not (error > 0).all():
        return ''
    slope, offset = np.polyfit(np.log(images), np.log(error), 1)
    off = np.abs(error / np.exp(offset + slope * np.log(images)) - 1).max()
    return (
        f'A power law fits them to within {100 * off:.0f} % of each: the error goes as the number of images to the '
        f'power of {slope:.2f}, so that twice the images leave {100 * 2**slope:.0f} % of it.'
    )
