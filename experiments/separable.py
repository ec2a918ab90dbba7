"""Do depthwise separable convolutions do better than dense ones at equal cost?

Command    cnn-bench sweep experiments/separable.py --preset demo --jobs 2 --out runs/separable
           cnn-bench report runs/separable
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
Source     the lecture, "Separate convolutional layers": fewer parameters, less memory, fewer computations, "and it
           performs better in general". Chollet 2016 (arXiv 1610.02357), table 1, compares Xception with Inception v3.
Held equal the recipe, the data and the epochs. `separable` has the width of `dense`; `separable, widened` has, in one
           network, the parameters and the multiply-adds of `dense` to within 5 %: in Xception both grow alike.
Expect     separable much cheaper and little worse at equal width, widened as good as dense. Demo, one seed, before
           validation images were held out: 17.1, 15.1 and 14.8 % error; with three epochs instead of one 12.4, 11.4 and
           12.3 %. Unlike the lecture says, its activations take more memory, not less: the depthwise outputs count too.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import CIFAR10, DEMO

QUESTION = 'Do depthwise separable convolutions do better than dense ones at equal cost?'
SOURCE = 'the lecture, Separate convolutional layers; Chollet 2016 (arXiv 1610.02357)'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'model.middle': 0, 'total_epochs': 1},
    'full': {
        **CIFAR10,
        'augment.flip': True,
        'augment.pad_crop': 4,
        'total_epochs': 60,
        'optimizer.learning_rate': 2e-3,
    },
}
HELD_EQUAL = ('epochs', 'macs', 'seconds')
BASELINE = 'dense'
CHARTS = ('accuracy_vs_macs', 'accuracy_vs_activation_memory', 'accuracy_vs_training_time', 'learning_curves')
WIDENED = 'separable, widened'
LECTURE = 'lecture, Separate convolutional layers'
HYPOTHESES = (
    Hypothesis('separable layers have fewer parameters', LECTURE, less='separable', more='dense', column='params'),
    Hypothesis('separable layers take fewer computations', LECTURE, less='separable', more='dense', column='macs'),
    Hypothesis('separable layers take less memory', LECTURE, less='separable', more='dense', column='activation_bytes'),
    Hypothesis('separable layers perform better, at equal width', LECTURE, less='separable', more='dense'),
    Hypothesis('separable layers perform better, at equal cost', LECTURE, less=WIDENED, more='dense'),
)
# Of dense and separable, and of the widened one: found by counting, and held by a test that counts again.
WIDTHS = {'demo': (0.05, 0.134), 'full': (0.25, 0.725)}


def variants(preset):
    """Xception, in which all but the first two convolutions are of either kind."""
    width, widened = WIDTHS[preset]
    network = {'model.arch': 'xception', 'model.stem': 'small'}
    return {
        'dense': {**network, 'model.conv': 'dense', 'model.width': width},
        WIDENED: {**network, 'model.conv': 'separable', 'model.width': widened},
        'separable': {**network, 'model.conv': 'separable', 'model.width': width},
    }


def report(table):
    """The counts, and the errors at equal width and at equal cost."""
    error = means(table)
    memory = means(table, 'activation_bytes') / 2**10
    return paragraph(
        f'Parameters: {ranked(means(table, "params"), "{:,.0f}")}.',
        f'Multiply-adds: {ranked(means(table, "macs") / 1e6, "{:.2f} M")}.',
        f'Memory of the activations of one image: {ranked(memory, "{:,.0f} KiB")}.',
        f'Test error {seeds(table)}: {ranked(error)}.',
        difference(error, 'separable', 'dense').replace(' has', ', of the same width, has', 1),
        difference(error, WIDENED, 'dense').replace(' has', ', at equal cost, has', 1),
    )
