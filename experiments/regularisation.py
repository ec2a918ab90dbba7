"""Which regularisation helps a network that overfits, and do they add up?

Command    cnn-bench sweep experiments/regularisation.py --preset demo --jobs 2 --out runs/regularisation
           cnn-bench report runs/regularisation
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     the lecture: AlexNet's "heavy data augmentation" and "dropout at 0.5", ResNet's "no dropout used";
           Krizhevsky et al. 2012, section 4: without either the network overfits substantially. Label smoothing:
           Szegedy et al. 2015 (arXiv 1512.00567), section 7. Weight decay: Loshchilov & Hutter 2019 (arXiv
           1711.05101).
Held equal the network, the recipe and the steps, on few training images, so that there is something to prevent, and
           often enough for regularisation to pay: 1,000 images 30 times in the demo, 10,000 images 100 times in full.
           Training errors are of the images as they are trained on, augmented and with dropout.
Expect     no training error without, and each of them a gain, augmentation the most; they add up. Demo, one seed: none
           20.1 %, augmentation 16.9 %, all 17.9 % test error, the others 19 to 20. With 60 epochs instead of 30, all
           came out first, at 16.3 %; with 20, augmentation and dropout did harm.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.words import difference, means, paragraph, ranked, seeds

QUESTION = 'Which regularisation helps a network that overfits, and do they add up?'
SOURCE = 'Krizhevsky, Sutskever & Hinton 2012, section 4; the lecture, AlexNet Architecture'
RECIPE = 'configs/compare.py'
PRESETS = ('demo', 'full')
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
    'weight decay': {'optimizer.weight_decay': 0.5},  # decoupled: a step shrinks the weights by this times the rate
    'label smoothing': {'label_smoothing': 0.1},
}
OFF = {'model.dropout': 0.0, 'optimizer.weight_decay': 0.0, 'optimizer.learning_rate': 2e-3}
DEMO = {
    'model.width': 0.125,
    'dataset.train_images': 1000,
    'total_epochs': 30,
    'batch_size': 50,
    'eval_every_epochs': 6,
    'log_every_steps': 50,
    'devices': 1,
}
FULL = {
    'dataset.name': 'fashion_mnist',
    'dataset.train_images': 10_000,
    'total_epochs': 100,
    'batch_size': 128,
    'eval_every_epochs': 5,
    'optimizer.learning_rate': 1e-3,
}


def variants(preset):
    """{name: changes to the recipe}: VGG-11 with batch norm: with none, with each, and with all."""
    network = {'model.arch': 'vgg11_bn', 'model.stem': 'small', **OFF, **(DEMO if preset == 'demo' else FULL)}
    together = {field: value for changes in REGULARISERS.values() for field, value in changes.items()}
    choices = {'none': {}, **REGULARISERS, 'all': together}
    return {name: {**network, **changes} for name, changes in choices.items()}


def report(table):
    """The answer in words: the errors, training beside test, and what each does to the test error."""
    error, train = means(table), means(table, 'train_err_pct')
    fitted = f'Training error in the last epoch: {ranked(train)}.' if len(train) else ''
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        fitted,
        *(difference(error, name, 'none') for name in (*REGULARISERS, 'all')),
    )
