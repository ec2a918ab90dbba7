"""With four times the multiply-adds, is a network best made wider, deeper, finer, or a little of each?

Command    cnn-bench sweep experiments/width_depth_resolution.py --preset demo --jobs 2 --out runs/scaling
           cnn-bench report runs/scaling
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
Source     Tan & Le 2019, EfficientNet (arXiv 1905.11946), figure 3 and table 7: compound scaling wins.
Held equal the recipe, the epochs and the preprocessing: the same pipeline resizes all images, whole and without crops.
           The four larger networks have 3.6 to 4.3 times the multiply-adds of the base.
Expect     wider and compound ahead of the base. Demo, one seed, before validation images were held out: wider 16.6 %,
           compound 17.4 %, finer 18.2 %, deeper 18.6 %, base 18.8 %; with three epochs instead of one 12.7, 13.2, 14.4,
           13.6 and 13.9 %. The base sees images at half their size, so that more resolution adds detail, but
           Fashion-MNIST seems to need little of it. Above the stored 28x28 or 32x32 there would be none.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import CIFAR10, DEMO, FLIP_AND_CROP

QUESTION = 'With four times the multiply-adds, is a network best made wider, deeper, finer, or a little of each?'
SOURCE = 'Tan & Le 2019 (arXiv 1905.11946), figure 3 and table 7'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'total_epochs': 1},
    'full': {**CIFAR10, **FLIP_AND_CROP, 'dataset.workers': 8, 'total_epochs': 60},
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'base'
CHARTS = ('accuracy_vs_macs', 'accuracy_vs_params', 'learning_curves')
EFFICIENTNET = 'Tan & Le 2019, table 7'
SCALED = ('wider', 'deeper', 'finer', 'compound')
HYPOTHESES = (
    *(
        Hypothesis(f'{name} networks have less error than the base', EFFICIENTNET, less=name, more='base')
        for name in SCALED
    ),
    *(
        Hypothesis(f'compound scaling beats {name} alone', EFFICIENTNET, less='compound', more=name)
        for name in SCALED[:3]
    ),
)
# (width, blocks per stage, image size) of a ResNet with three stages.
NETWORKS = {
    'demo': {
        'base': (0.5, 2, 14),
        'wider': (1.0, 2, 14),
        'deeper': (0.5, 8, 14),
        'finer': (0.5, 2, 28),
        'compound': (0.61, 3, 18),
    },
    'full': {
        'base': (1.0, 2, 16),
        'wider': (2.0, 2, 16),
        'deeper': (1.0, 8, 16),
        'finer': (1.0, 2, 32),
        'compound': (1.25, 3, 20),
    },
}
WHOLE_IMAGES = {'crop.scale': (1.0, 1.0), 'crop.ratio': (1.0, 1.0), 'crop.crop_fraction': 1.0}


def variants(preset):
    """The base network, and four ways to scale it."""
    common = {'model.arch': 'resnet20', 'dataset.placement': 'host', **WHOLE_IMAGES}
    return {
        name: {**common, 'model.width': width, 'model.depths': (blocks,) * 3, 'dataset.size': size}
        for name, (width, blocks, size) in NETWORKS[preset].items()
    }


def report(table):
    """What each scaling costs and gains over the base, and compound scaling compared with the best other."""
    error, macs = means(table), means(table, 'macs')
    costs = ''
    if 'base' in macs.index:
        costs = f'Multiply-adds as multiples of the base: {ranked(macs / macs["base"], "{:.1f}")}.'
    alone = error[[name for name in SCALED[:3] if name in error.index]]
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        costs,
        *(difference(error, name, 'base') for name in SCALED),
        difference(error, 'compound', alone.idxmin()) if len(alone) else '',
    )
