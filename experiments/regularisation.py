"""Which regularisation helps a network that overfits, and do they add up?

Command    cnn-bench sweep experiments/regularisation.py --preset demo --jobs 2 --out runs/regularisation
           cnn-bench report runs/regularisation
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     the lecture: AlexNet's "heavy data augmentation" and "dropout at 0.5", ResNet's "no dropout used";
           Krizhevsky et al. 2012, section 4: without either the network overfits substantially. Label smoothing:
           Szegedy et al. 2015 (arXiv 1512.00567), section 7. Weight decay: Loshchilov & Hutter 2019 (arXiv
           1711.05101).
Held equal the network, the recipe and the steps. There are few training images, so that the network overfits, and
           enough epochs for regularisation to pay: 1,000 images 30 times in the demo, 10,000 images 100 times in full.
           Training errors include augmentation and dropout.
Expect     no training error without regularisation, and a gain from each kind, most from augmentation; they add up.
           Demo, one seed, before validation images were held out: test error none 20.1 %, augmentation 16.9 %, all 17.9
           %, the others 19 to 20 %. With 60 epochs instead of 30, `all` was the best at 16.3 %; with 20, augmentation
           and dropout did harm.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, VGG11

QUESTION = 'Which regularisation helps a network that overfits, and do they add up?'
SOURCE = 'Krizhevsky, Sutskever & Hinton 2012, section 4; the lecture, AlexNet Architecture'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {
        **DEMO,
        'model.width': 0.125,
        'dataset.train_images': 1000,
        'total_epochs': 30,
        'eval_every_epochs': 6,
        'optimizer.learning_rate': 2e-3,
    },
    'full': {
        **FASHION_MNIST,
        'dataset.train_images': 10_000,
        'total_epochs': 100,
        'eval_every_epochs': 5,
        'optimizer.learning_rate': 1e-3,
    },
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'none'
CHARTS = ('learning_curves', 'differences')
ALEXNET = 'Krizhevsky et al. 2012, section 4'
HYPOTHESES = (
    Hypothesis('augmentation lowers the test error', ALEXNET, less='augmentation', more='none'),
    Hypothesis('dropout lowers the test error', ALEXNET, less='dropout', more='none'),
    Hypothesis('weight decay lowers the test error', 'Krogh & Hertz 1991', less='weight decay', more='none'),
    Hypothesis(
        'label smoothing lowers the test error', 'Szegedy et al. 2015, section 7', less='label smoothing', more='none'
    ),
    Hypothesis('all together have less test error than none', ALEXNET, less='all', more='none'),
    Hypothesis(
        'without any the training images are fitted better', ALEXNET, less='none', more='all', column='train_err_pct'
    ),
)
REGULARISERS = {
    'dropout': {'model.dropout': 0.5},
    'augmentation': {'augment.flip': True, 'augment.pad_crop': 2},
    'weight decay': {'optimizer.weight_decay': 0.5},  # decoupled: each step shrinks the weights by this times the rate
    'label smoothing': {'label_smoothing': 0.1},
}
NONE = {'model.dropout': 0.0, 'optimizer.weight_decay': 0.0}


def variants(preset):
    """VGG-11 with batch norm and with none, each or all of the regularisers."""
    together = {field: value for overrides in REGULARISERS.values() for field, value in overrides.items()}
    choices = {'none': {}, **REGULARISERS, 'all': together}
    return {name: {**VGG11, **NONE, **overrides} for name, overrides in choices.items()}


def report(table):
    """Test and training errors, and each regulariser compared with none."""
    error, train = means(table), means(table, 'train_err_pct')
    fitted = f'Training error in the last epoch: {ranked(train)}.' if len(train) else ''
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        fitted,
        *(difference(error, name, 'none') for name in (*REGULARISERS, 'all')),
    )
