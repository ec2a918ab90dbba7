"""Which schedule for SGD gives the least error in a given number of steps, and does AdamW need less care?

Command    cnn-bench sweep experiments/optimiser_schedule.py --preset demo --jobs 2 --out runs/optimiser_schedule
           cnn-bench report runs/optimiser_schedule
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
Source     the lecture, "ResNet Config": SGD with momentum, the rate divided by 10 when the error plateaus; He et al.
           2015, section 4.2, for steps; Loshchilov & Hutter 2017 (arXiv 1608.03983) for the cosine and 2019 (arXiv
           1711.05101) for AdamW; Smith & Topin 2017 (arXiv 1708.07120) for one cycle.
Held equal the network, the data, the epochs, and the peak rate of all SGD variants, which was tuned for none of them.
           AdamW has its own rate, that of configs/compare.py.
Expect     every schedule that ends at a low rate ahead of the constant one, with less than a point between them. Demo,
           three seeds: constant 17.0 %, plateau 17.1 %, step 13.4 %, all others 12.8 to 12.9 %
           (results/optimiser_schedule). Plateaus are found on the validation images.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import CIFAR10, DEMO, VGG11

QUESTION = 'Which schedule for SGD gives the least error in a given number of steps, and does AdamW need less care?'
SOURCE = 'the lecture, ResNet Config; Loshchilov & Hutter 2017 (arXiv 1608.03983) and 2019 (arXiv 1711.05101)'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, **VGG11, 'model.width': 0.125, 'total_epochs': 3},
    'full': {
        **CIFAR10,
        'model.arch': 'resnet20',
        'augment.flip': True,
        'augment.pad_crop': 4,
        'total_epochs': 100,
        'eval_every_epochs': 1,
    },
}
HELD_EQUAL = ('epochs', 'seconds')
BASELINE = 'SGD, constant'
CHARTS = ('learning_curves', 'differences')
HYPOTHESES = (
    Hypothesis(
        'dividing the rate lowers the error', 'He et al. 2015, section 4.2', less='SGD, step', more='SGD, constant'
    ),
    Hypothesis('so does dividing it on plateaus', 'lecture, ResNet Config', less='SGD, plateau', more='SGD, constant'),
    Hypothesis('a cosine has less error than steps', 'Loshchilov & Hutter 2017', less='SGD, cosine', more='SGD, step'),
    Hypothesis(
        'one cycle has less error than steps', 'Smith & Topin 2017, figure 1', less='SGD, one cycle', more='SGD, step'
    ),
    Hypothesis(
        'SGD generalises better than AdamW on images',
        'what Loshchilov & Hutter 2019, section 1, say of Adam',
        less='SGD, cosine',
        more='AdamW, cosine',
    ),
)
SGD = {'optimizer.name': 'sgd', 'optimizer.momentum': 0.9, 'optimizer.weight_decay': 5e-4}
SCHEDULES = {
    'constant': {'schedule.name': 'constant'},
    'step': {'schedule.name': 'step', 'schedule.at': (0.5, 0.75), 'schedule.factor': 0.1},
    'plateau': {'schedule.name': 'plateau', 'schedule.factor': 0.1},
    'cosine': {'schedule.name': 'cosine'},
    'one cycle': {'schedule.name': 'onecycle', 'schedule.warmup_epochs': 0.0},
}
PATIENCE = {'demo': 0, 'full': 5}  # evaluations without improvement, an epoch each
PEAK = {'demo': 0.05, 'full': 0.1}


def variants(preset):
    """SGD with each schedule, and the recipe's AdamW with a cosine."""
    sgd = {**SGD, 'optimizer.learning_rate': PEAK[preset]}
    choices = {f'SGD, {name}': {**sgd, **schedule} for name, schedule in SCHEDULES.items()}
    choices['SGD, plateau']['schedule.patience'] = PATIENCE[preset]
    return {**choices, 'AdamW, cosine': {}}


def report(table):
    """The errors, each schedule compared with the constant rate, and AdamW with SGD."""
    error = means(table)
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        *(difference(error, f'SGD, {name}', 'SGD, constant') for name in SCHEDULES if name != 'constant'),
        difference(error, 'AdamW, cosine', 'SGD, cosine'),
    )
