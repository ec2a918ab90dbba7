"""What does normalisation do for a network without shortcuts, and which kind does most?

Command    cnn-bench sweep experiments/normalisation.py --preset demo --jobs 2 --out runs/normalisation
           cnn-bench report runs/normalisation
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     Ioffe & Szegedy 2015 (arXiv 1502.03167), figure 2; Wu & He 2018 (arXiv 1803.08494), figure 4 and table 1;
           Krizhevsky et al. 2012, section 3.3, for local response normalisation; Simonyan & Zisserman 2014, table 3,
           who found that it does not help VGG.
Held equal the network except the scales and shifts of the normalisation, the recipe, the data and the epochs.
Expect     batch norm well ahead of none. Demo, one seed, before validation images were held out: batch 13.2 %, none
           16.5 %, group 18.1 %, layer 19.2 %, LRN 21.1 %. With three epochs and 11 instead of 16 layers, batch, group
           and layer norm were within half a point of none.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, FLIP_AND_CROP

QUESTION = 'What does normalisation do for a network without shortcuts, and which kind does most?'
SOURCE = 'Ioffe & Szegedy 2015 (arXiv 1502.03167), figure 2; Wu & He 2018 (arXiv 1803.08494), figure 4'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'model.width': 0.125, 'total_epochs': 2},
    'full': {
        **FASHION_MNIST,
        **FLIP_AND_CROP,
        'total_epochs': 30,
        'optimizer.learning_rate': 1e-3,  # at full width the rate of the demo is too high without normalisation
    },
}
HELD_EQUAL = ('epochs', 'macs', 'seconds')
BASELINE = 'none'
CHARTS = ('learning_curves', 'accuracy_vs_training_time')
BATCH_NORM = 'Ioffe & Szegedy 2015, section 4.2 and figure 2'
HYPOTHESES = (
    Hypothesis('batch norm lowers the test error', BATCH_NORM, less='batch', more='none'),
    Hypothesis('batch norm lowers the training error', BATCH_NORM, less='batch', more='none', column='train_err_pct'),
    Hypothesis(
        'local response normalisation lowers the error', 'Krizhevsky et al. 2012, section 3.3', less='LRN', more='none'
    ),
    Hypothesis(
        'batch norm has less error than group norm in large batches',
        'Wu & He 2018, table 1',
        less='batch',
        more='group',
    ),
    Hypothesis('group norm has less error than layer norm', 'Wu & He 2018, table 1', less='group', more='layer'),
)
NORMS = {'none': 'none', 'LRN': 'lrn', 'batch': 'batch', 'group': 'group', 'layer': 'layer'}


def variants(preset):
    """VGG-16 with a normalisation after each convolution."""
    network = {'model.arch': 'vgg16', 'model.stem': 'small', 'model.dropout': 0.0}
    return {name: {**network, 'model.norm': norm} for name, norm in NORMS.items()}


def report(table):
    """The errors, and each normalisation compared with none."""
    error, rate = means(table), means(table, 'images_per_s')
    slower = ''
    if {'none', 'batch'} <= set(rate.index):
        slower = f'Training with batch norm ran at {rate["batch"] / rate["none"]:.2f} times the speed of none.'
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        *(difference(error, norm, 'none') for norm in NORMS if norm != 'none'),
        slower,
    )
