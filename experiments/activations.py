"""Which activation trains fastest, and which gives the least error?

Command    cnn-bench sweep experiments/activations.py --preset demo --jobs 2 --out runs/activations
           cnn-bench report runs/activations
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
Source     Krizhevsky, Sutskever & Hinton 2012, figure 1: a convolutional network reaches 25 % training error on
           CIFAR-10 six times sooner with ReLU than with tanh. The activations are those of the lecture's bonus slide.
Held equal the network (no normalisation, which would hide the differences), the recipe (SGD with momentum, AlexNet's
           rate, constant as in the figure), the data and the epochs. The initial weights are scaled to preserve the
           size of the signal through the activation: He's for ReLU and its variants, LeCun's for the others. Maxout
           takes two convolutions per channel, which about doubles parameters and multiply-adds.
Expect     sigmoid at chance: eight layers of it do not start to learn. In the demo tanh reaches 25 % before ReLU,
           unlike in the paper, whose network was wider, whose images were harder and whose rates were tuned one by one:
           see results/activations.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import CIFAR10, DEMO

QUESTION = 'Which activation trains fastest, and which gives the least error?'
SOURCE = 'Krizhevsky, Sutskever & Hinton 2012, figure 1; the lecture, Activation Functions'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'model.width': 0.25, 'total_epochs': 2, 'log_every_steps': 10},
    'full': {**CIFAR10, 'total_epochs': 40, 'eval_every_epochs': 1, 'log_every_steps': 39},
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'ReLU'
CHARTS = ('learning_curves', 'accuracy_vs_macs')
REACHED = 'epochs_to_25_pct_train_err'
ALEXNET = 'Krizhevsky et al. 2012, section 3.1 and figure 1'
RECTIFIERS = 'Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks'
HYPOTHESES = (
    Hypothesis(
        'ReLU reaches 25 % training error sooner than tanh (the paper: six times)',
        ALEXNET,
        less='ReLU',
        more='tanh',
        column=REACHED,
    ),
    Hypothesis('ReLU ends with less test error than tanh', RECTIFIERS, less='ReLU', more='tanh'),
    Hypothesis('ReLU ends with less test error than sigmoid', RECTIFIERS, less='ReLU', more='sigmoid'),
    Hypothesis(
        'leaky ReLU ends with less test error than ReLU',
        'Xu et al. 2015 (arXiv 1505.00853)',
        less='leaky ReLU',
        more='ReLU',
    ),
    Hypothesis(
        'ELU ends with less test error than ReLU', 'Clevert et al. 2015 (arXiv 1511.07289)', less='ELU', more='ReLU'
    ),
    Hypothesis('maxout ends with less test error than ReLU', 'Goodfellow et al. 2013', less='maxout', more='ReLU'),
)
ACTS = {
    'ReLU': 'relu',
    'maxout': 'maxout',
    'tanh': 'tanh',
    'sigmoid': 'sigmoid',
    'leaky ReLU': 'leaky_relu',
    'ELU': 'elu',
}
INITS = dict.fromkeys(('ReLU', 'leaky ReLU', 'ELU'), 'he')  # these halve the mean square of a signal, roughly
NETWORK = {'model.arch': 'fashion_cnn', 'model.dropout': 0.0}
SGD = {
    'optimizer.name': 'sgd',
    'optimizer.learning_rate': 0.01,  # AlexNet's
    'optimizer.momentum': 0.9,
    'optimizer.weight_decay': 0.0,
    'schedule.name': 'constant',
    'schedule.warmup_epochs': 0.0,
}


def variants(preset):
    """Each variant is an activation."""
    return {
        name: {**NETWORK, **SGD, 'model.act': act, 'model.kernel_init': INITS.get(name, 'lecun')}
        for name, act in ACTS.items()
    }


def measure(curve):
    """The epoch of the first logged training error of at most 25 %; {} if there is none."""
    errors = ((row['epoch'], row.get('top1_err_pct')) for row in curve if row['kind'] == 'train')
    first = next((epoch for epoch, error in errors if error is not None and error <= 25), None)
    return {} if first is None else {REACHED: first}


def report(table):
    """When each activation reaches 25 %, how much sooner ReLU does than tanh, and the final errors."""
    error, reached = means(table), means(table, REACHED)
    never = [label for label in error.index if label not in reached]
    times = ''
    if {'ReLU', 'tanh'} <= set(reached.index):
        ratio = reached['tanh'] / reached['ReLU']
        times = f'tanh took {ratio:.1f} times as long as ReLU to get there; the paper says six times, on CIFAR-10.'
    return paragraph(
        f'Test error at the end {seeds(table)}: {ranked(error)}.',
        f'Epochs to 25 % training error: {ranked(reached, "{:.2f}")}.' if len(reached) else '',
        f'Never reached by: {"; ".join(never)}.' if never else '',
        times,
        difference(error, 'ReLU', 'tanh'),
    )
