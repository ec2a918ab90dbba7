"""Do plain networks get worse with depth, in training too, and do shortcuts mend it?

Command    cnn-bench sweep experiments/depth_degradation.py --preset demo --jobs 2 --out runs/depth_degradation
           cnn-bench report runs/depth_degradation
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
Source     He, Zhang, Ren & Sun 2015 (arXiv 1512.03385), figures 1 and 6; the lecture, "More layers equals better?".
Held equal the recipe (theirs: SGD with momentum, the rate divided by 10 twice), the data and the epochs; a plain and a
           residual network of one depth have the same parameters and multiply-adds.
Expect     plain56 far above plain20 in both errors, resnet56 about at resnet20. Demo, one seed: 68.3 and 30.6 % test
           error against 27.4 and 25.0 %, after 200 steps. `full` with 11,700 steps, means of three seeds: 48.3 and
           16.3 % against 15.4 and 14.8 % (results/depth_degradation). How bad plain56 is, is chance: 41 to 54 %.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.words import difference, means, paragraph, ranked, seeds

QUESTION = 'Do plain networks get worse with depth, in training too, and do shortcuts mend it?'
SOURCE = 'He, Zhang, Ren & Sun 2015 (arXiv 1512.03385), figures 1 and 6'
RECIPE = 'configs/resnet_cifar.py'
PRESETS = ('demo', 'full')
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
DEMO = {
    'dataset.name': 'fashion_mnist_subset',
    'model.width': 0.25,
    'augment.flip': False,  # so that training and test error are of the same images
    'augment.pad_crop': 0,
    'total_steps': 200,
    'batch_size': 50,
    'log_every_steps': 20,
    'eval_every_epochs': 1,
    'devices': 1,
}


def variants(preset):
    """{name: changes to the recipe}: two depths, with and without shortcuts."""
    changes = DEMO if preset == 'demo' else {}
    return {arch: {'model.arch': arch, **changes} for arch in ('resnet56', 'plain56', 'resnet20', 'plain20')}


def report(table):
    """The answer in words: what depth does to each kind, in training and in test."""
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
    """Whether the deeper plain network's errors can be overfitting, which leaves little training error."""
    if not {'plain20', 'plain56'} <= set(train.index):
        return ''
    if train['plain56'] > train['plain20']:
        return 'The deeper plain network fits even its training images worse, so that is not overfitting.'
    return 'The deeper plain network does not fit its training images worse: there is no degradation here.'
