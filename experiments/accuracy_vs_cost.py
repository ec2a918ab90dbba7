"""Which networks give the least error for their multiply-adds? The lecture's chart, of networks trained here.

Command    cnn-bench sweep experiments/accuracy_vs_cost.py --preset demo --out runs/demo
           cnn-bench sweep experiments/accuracy_vs_cost.py --preset demo --tune-trials 8 --seeds 3 --out runs/demo-tuned
           cnn-bench report runs/demo
Source     the question of Canziani, Paszke & Culurciello 2017 (arXiv 1605.07678), figure 2.
Held equal the recipe, the data and the number of epochs.
Expect     less error for more multiply-adds, from LeNet-5 by way of ResNet-20 and VGG-16 to Xception: see
           results/accuracy_vs_cost (`full`, 6 epochs) and results/demo.
"""

from cnn_bench.models import registry
from cnn_bench.runs.study import Hypothesis
from cnn_bench.stats import pareto_front
from cnn_bench.sweep import log
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, FLIP_AND_CROP

QUESTION = 'Which networks give the least error for their multiply-adds?'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'total_epochs': 2, 'eval_every_epochs': 2},
    'full': {**FASHION_MNIST, **FLIP_AND_CROP, 'total_epochs': 30},
}
HELD_EQUAL = ('epochs', 'macs')
TUNE = {'optimizer.learning_rate': log(4e-4, 4e-2)}  # a decade to each side of the recipe's; with --tune-trials
CHARTS = ('accuracy_vs_macs',)
SOURCE = 'Canziani, Paszke & Culurciello 2017 (arXiv 1605.07678), figure 2'
PAPER = 'He et al. 2015 (arXiv 1512.03385), section 4'
HYPOTHESES = (
    Hypothesis('shortcuts lower the error', PAPER, less='resnet20 x0.25', more='plain20 x0.25'),
    Hypothesis('shortcuts lower the error', PAPER, less='resnet20', more='plain20'),
    Hypothesis('shortcuts lower the error of 56 layers', PAPER, less='resnet56', more='plain56'),
    Hypothesis('a plain network of 56 layers does worse than one of 20', PAPER, less='plain20', more='plain56'),
    Hypothesis('deeper ResNets have less error', PAPER, less='resnet110', more='resnet20'),
    Hypothesis(
        'GoogLeNet has fewer parameters than AlexNet',
        'lecture, GoogLeNet',
        less='googlenet',
        more='alexnet',
        column='params',
    ),
    Hypothesis('GoogLeNet has less error than AlexNet', 'lecture, GoogLeNet', less='googlenet', more='alexnet'),
    Hypothesis(
        'GoogLeNet has less error than AlexNet', 'lecture, GoogLeNet', less='googlenet_bn x0.125', more='alexnet x0.125'
    ),
    Hypothesis(
        'AlexNet has less error than LeNet-5',
        'our reading of: lecture, AlexNet, much larger and deeper',
        less='alexnet',
        more='lenet5',
    ),
    Hypothesis(
        'AlexNet has less error than LeNet-5',
        'our reading of: lecture, AlexNet, much larger and deeper',
        less='alexnet x0.125',
        more='lenet5',
    ),
    Hypothesis(
        'ResNets have less error than GoogLeNet',
        'lecture, Winners of the ImageNet Challenges',
        less='resnet50',
        more='googlenet',
    ),
    Hypothesis(
        'ResNets have less error than GoogLeNet',
        'lecture, Winners of the ImageNet Challenges',
        less='resnet18 x0.125',
        more='googlenet_bn x0.125',
    ),
)

# At these widths two CPU cores train the small form in about a minute. The slowest come first, so that two jobs end
# together.
NARROW = {
    'googlenet_bn x0.125': {'model.width': 0.125},
    'googlenet x0.125': {'model.width': 0.125},
    'resnet18 x0.125': {'model.width': 0.125},
    'resnet20 x0.25': {'model.width': 0.25},
    'plain20 x0.25': {'model.width': 0.25},
    'vgg13_bn x0.125': {'model.width': 0.125},
    'vgg11_bn x0.125': {'model.width': 0.125},
    'vgg11 x0.125': {'model.width': 0.125},
    'alexnet x0.125': {'model.width': 0.125},
    'fashion_cnn x0.25, no dropout': {'model.width': 0.25, 'model.dropout': 0.0},  # too much for layers this narrow
    'alexnet_owt x0.125': {'model.width': 0.125},
    'lenet5': {},
}
FULL_WIDTH = (
    'lenet5 fashion_cnn alexnet alexnet_owt vgg11 vgg11_bn vgg16_bn googlenet googlenet_bn resnet18 resnet34 resnet50 '
    'resnet20 resnet32 resnet44 resnet56 resnet110 plain20 plain56 xception'
).split()
SMALL_ALREADY = ('lenet', 'fashion_cnn', 'resnet_cifar')  # families made for small images


def variants(preset):
    """Each variant is a network."""
    if preset == 'demo':
        return {name: {**_network(name.split()[0]), **overrides} for name, overrides in NARROW.items()}
    return {arch: _network(arch) for arch in FULL_WIDTH}


def report(table):
    """The networks that no other beats in both error and multiply-adds."""
    means = table.groupby('label', as_index=False)[['macs', 'top1_err_pct']].mean()
    front = means[pareto_front(means.macs, means.top1_err_pct)].sort_values('macs')
    networks = ', '.join(
        f'{row.label} ({row.top1_err_pct:.1f} % at {row.macs / 1e6:.2f} M)' for row in front.itertuples()
    )
    return f'No network here has both less error and fewer multiply-adds than one of these: {networks}.'


def _network(arch):
    """The overrides that select `arch`, in its form for small images."""
    small = {} if registry.get(arch).family in SMALL_ALREADY else {'model.stem': 'small'}
    return {'model.arch': arch, **small}
