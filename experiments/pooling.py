"""Does it matter how a network shrinks its maps: by the maximum, by the mean, or by leaving pixels out?

Command    cnn-bench sweep experiments/pooling.py --preset demo --jobs 2 --out runs/pooling
           cnn-bench report runs/pooling
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     the lecture, "Pooling Layer": its goal is to subsample, and 75 % of the input is dropped; Scherer, Mueller &
           Behnke 2010 found the maximum better than subsampling; Springenberg et al. 2014 (arXiv 1412.6806), table 3,
           lost a little by strides alone.
Held equal the recipe, the data, the epochs, parameters and multiply-adds: the pools have none. `stride` takes one
           pixel of each 2x2 window, which is what a stride of 2 in the convolution before would give, at its full
           cost.
Expect     either pool ahead of leaving pixels out by some points. Demo, one seed: average 12.7 %, max 12.8 %, stride
           14.2 %; one seed cannot part the first two.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.words import difference, means, paragraph, ranked, seeds

QUESTION = 'Does it matter how a network shrinks its maps: by the maximum, by the mean, or by leaving pixels out?'
SOURCE = 'the lecture, Pooling Layer; Scherer, Mueller & Behnke 2010'
RECIPE = 'configs/compare.py'
PRESETS = ('demo', 'full')
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
DEMO = {
    'model.width': 0.125,
    'total_epochs': 3,
    'batch_size': 50,
    'eval_every_epochs': 1,
    'log_every_steps': 50,
    'devices': 1,
}
FULL = {
    'dataset.name': 'fashion_mnist',
    'total_epochs': 30,
    'batch_size': 128,
    'augment.flip': True,
    'augment.pad_crop': 2,
}


def variants(preset):
    """{name: changes to the recipe}: VGG-11 with batch norm, three ways to halve its maps."""
    network = {'model.arch': 'vgg11_bn', 'model.stem': 'small', **(DEMO if preset == 'demo' else FULL)}
    return {pool: {**network, 'model.pool': pool} for pool in ('max', 'average', 'stride')}


def report(table):
    """The answer in words: the errors, and what the maximum gains over either of the others."""
    error = means(table)
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        difference(error, 'max', 'average'),
        difference(error, 'max', 'stride'),
    )
