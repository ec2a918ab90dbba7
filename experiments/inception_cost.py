"""What do the 1x1 reductions of the Inception module save, and what do they cost in accuracy?

Command    cnn-bench sweep experiments/inception_cost.py --preset demo --jobs 2 --out runs/inception_cost
           cnn-bench report runs/inception_cost
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     Szegedy et al. 2014 (arXiv 1409.4842), section 4 and figure 2; the lecture, "Inception Module Computational
           Complexity".
Held equal the recipe, the data and the epochs. The third network is the reduced one, widened until it has about as
           many multiply-adds as the naive one.
Expect     naive: about ten times the multiply-adds of reduced at the same width, since its channels grow in number from
           module to module, and less error; at equal multiply-adds the reduced form wins, given time: see
           results/inception_cost (`full`, 10 epochs). Demo, one seed, before validation images were held out: naive
           19.9 %, reduced 32.3 %, widened 20.9 %.
"""

from cnn_bench.models import registry
from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, FLIP_AND_CROP

QUESTION = 'What do the 1x1 reductions of the Inception module save, and what do they cost in accuracy?'
SOURCE = 'Szegedy et al. 2014 (arXiv 1409.4842), section 4 and figure 2'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'total_epochs': 1, 'log_every_steps': 25},
    'full': {**FASHION_MNIST, 'batch_size': 96, **FLIP_AND_CROP, 'total_epochs': 20},
}
HELD_EQUAL = ('epochs', 'macs', 'seconds')
BASELINE = 'naive'
CHARTS = ('accuracy_vs_macs', 'learning_curves', 'accuracy_vs_training_time')
WIDENED = 'reduced, widened'
LECTURE = 'lecture, Inception Module Computational Complexity'
HYPOTHESES = (
    Hypothesis('1x1 reductions save multiply-adds', LECTURE, less='reduced', more='naive', column='macs'),
    Hypothesis('1x1 reductions save parameters', LECTURE, less='reduced', more='naive', column='params'),
    Hypothesis(
        'at equal multiply-adds the reduced form has less error',
        'what Szegedy et al. 2014, section 4, argue',
        less=WIDENED,
        more='naive',
    ),
)
WIDTHS = {'demo': (0.0625, 0.2), 'full': (0.25, 0.82)}  # of naive and reduced, and of the widened one


def variants(preset):
    """GoogLeNet with batch norm and the paper's 5x5 kernels, built from either module."""
    width, widened = WIDTHS[preset]
    network = {'model.arch': 'googlenet_bn', 'model.stem': 'small', 'model.large_kernel': 5}
    return {
        'naive': {**network, 'model.inception': 'naive', 'model.width': width},
        WIDENED: {**network, 'model.inception': 'reduced', 'model.width': widened},
        'reduced': {**network, 'model.inception': 'reduced', 'model.width': width},
    }


def report(table):
    """Cost and error of the networks, then the lecture's figures for a single module."""
    error, macs = means(table), means(table, 'macs')
    naive, reduced = (registry.get(f'inception_module_{form}').macs for form in ('naive', 'reduced'))
    cheaper = ''
    if {'naive', 'reduced'} <= set(macs.index):
        times = macs['naive'] / macs['reduced']
        cheaper = f'At the same width the naive network has {times:.1f} times the multiply-adds of the reduced one.'
    return paragraph(
        f'Multiply-adds: {ranked(macs / 1e6, "{:.2f} M")}. Test error {seeds(table)}: {ranked(error)}.',
        cheaper,
        difference(error, 'reduced', 'naive'),
        difference(error, WIDENED, 'naive'),
        f"\n\nThe lecture's single module on a 28x28x256 input, counted here: {naive / 1e6:.0f} M multiply-adds naive,"
        f' as the lecture says, and {reduced / 1e6:.0f} M reduced, not its 358 M, which is the sum of its own six rows'
        f' with the 3x3 row counted twice. The reduction saves a factor of {naive / reduced:.1f}, more than it claims.',
    )
