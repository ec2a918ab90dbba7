"""Do plain networks get worse with depth, in training too, and do shortcuts mend it?

Command    cnn-bench sweep experiments/depth_degradation.py --preset demo --jobs 2 --out runs/depth_degradation
           cnn-bench report runs/depth_degradation
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
Source     He, Zhang, Ren & Sun 2015 (arXiv 1512.03385), figures 1 and 6; the lecture, "More layers equals better?".
Held equal the recipe (theirs: SGD with momentum, the rate divided by 10 twice), the data and the epochs; a plain and a
           residual network of one depth have the same parameters and multiply-adds.
Expect     plain56 far above plain20 in training and in test error, resnet56 close to resnet20; the errors of plain56
           differ much between seeds. See results/depth_degradation (`full`, 11,700 steps). Demo, three seeds: 63.7 %
           test error of plain56, 28.0 % of plain20, 32.5 % of resnet56, 24.8 % of resnet20
           (results/depth_degradation_demo).
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO

QUESTION = 'Do plain networks get worse with depth, in training too, and do shortcuts mend it?'
SOURCE = 'He, Zhang, Ren & Sun 2015 (arXiv 1512.03385), figures 1 and 6'
RECIPE = 'configs/resnet_cifar.py'
PRESETS = {
    'demo': {
        **DEMO,
        'dataset.name': 'fashion_mnist_subset',
        'model.width': 0.25,
        'augment.flip': False,  # so that training and test images are alike
        'augment.pad_crop': 0,
        'total_steps': 200,
        'log_every_steps': 20,
    },
    'full': {},
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'plain20'
CHARTS = ('learning_curves', 'accuracy_vs_macs')
LECTURE = 'lecture, More layers equals better?; He et al. 2015, figure 1'
PAPER = 'He et al. 2015, section 4.2 and figure 6'
HYPOTHESES = (
    Hypothesis(
        '56 plain layers have more training error than 20',
        LECTURE,
        less='plain20',
        more='plain56',
        column='train_err_pct',
    ),
    Hypothesis('56 plain layers have more test error than 20', LECTURE, less='plain20', more='plain56'),
    Hypothesis('56 residual layers have less test error than 20', PAPER, less='resnet56', more='resnet20'),
    Hypothesis(
        'shortcuts lower the training error of 56 layers',
        PAPER,
        less='resnet56',
        more='plain56',
        column='train_err_pct',
    ),
    Hypothesis('shortcuts lower the test error of 56 layers', PAPER, less='resnet56', more='plain56'),
)


def variants(preset):
    """Two depths, each with and without shortcuts."""
    return {arch: {'model.arch': arch} for arch in ('resnet56', 'plain56', 'resnet20', 'plain20')}


def report(table):
    """What depth does to each kind of network, in training and in test."""
    test, train = means(table), means(table, 'train_err_pct')
    return paragraph(
        f'Test error {seeds(table)}: {ranked(test)}.',
        f'Training error in the last epoch: {ranked(train)}.' if len(train) else '',
        difference(train, 'plain56', 'plain20', 'training error'),
        difference(test, 'plain56', 'plain20'),
        difference(train, 'resnet56', 'resnet20', 'training error'),
        difference(test, 'resnet56', 'resnet20'),
        _overfitting(train),
    )


def _overfitting(train):
    """Whether overfitting can explain the error of the deeper plain network: it would leave little training error."""
    if not {'plain20', 'plain56'} <= set(train.index):
        return ''
    if train['plain56'] > train['plain20']:
        return 'The deeper plain network fits even its training images worse, so that is not overfitting.'
    return 'The deeper plain network does not fit its training images worse: there is no degradation here.'
