"""Does it matter how a network shrinks its maps: by the maximum, by the mean, or by leaving pixels out?

Command    cnn-bench sweep experiments/pooling.py --preset demo --jobs 2 --out runs/pooling
           cnn-bench report runs/pooling
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     the lecture, "Pooling Layer": its goal is to subsample, and 75 % of the input is dropped; Scherer, Mueller &
           Behnke 2010 found the maximum better than subsampling; Springenberg et al. 2014 (arXiv 1412.6806), table 3,
           lost a little by strides alone.
Held equal the recipe, the data, the epochs, parameters and multiply-adds, of which pooling has none. `stride` keeps
           one pixel of each 2x2 window: the output of a convolution with stride 2, at the cost of one with stride 1.
Expect     both kinds of pooling ahead of leaving pixels out. Demo, one seed, before validation images were held out:
           average 12.7 %, max 12.8 %, stride 14.2 %; one seed cannot separate the first two.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, FLIP_AND_CROP, VGG11

QUESTION = 'Does it matter how a network shrinks its maps: by the maximum, by the mean, or by leaving pixels out?'
SOURCE = 'the lecture, Pooling Layer; Scherer, Mueller & Behnke 2010'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'model.width': 0.125, 'total_epochs': 3},
    'full': {**FASHION_MNIST, **FLIP_AND_CROP, 'total_epochs': 30},
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'max'
CHARTS = ('learning_curves', 'differences', 'error_overlap')
HYPOTHESES = (
    Hypothesis(
        'max pooling has less error than average pooling', 'Scherer, Mueller & Behnke 2010', less='max', more='average'
    ),
    Hypothesis(
        'max pooling has less error than strides alone',
        'Springenberg et al. 2014 (arXiv 1412.6806), table 3, Strided-CNN',
        less='max',
        more='stride',
    ),
)


def variants(preset):
    """VGG-11 with batch norm, and three ways to halve the resolution."""
    return {pool: {**VGG11, 'model.pool': pool} for pool in ('max', 'average', 'stride')}


def report(table):
    """The errors, and max pooling compared with either of the others."""
    error = means(table)
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        difference(error, 'max', 'average'),
        difference(error, 'max', 'stride'),
    )
