"""What do networks know together, and is it worth the sum of their costs?

Command    cnn-bench sweep experiments/ensembles.py --preset demo --jobs 2 --out runs/ensembles
           cnn-bench report runs/ensembles
           `cnn-bench ensemble DIR` makes ensembles of any finished runs.
Source     the winners of ImageNet were ensembles (lecture, Winners of the ImageNet Challenges): seven networks in
           Szegedy et al. 2014 (arXiv 1409.4842), table 3, six in He et al. 2015 (arXiv 1512.03385), table 5.
Held equal the recipe, the data and the number of epochs.
Expect     all together at or below the error of the best, at several times its cost; fewer but better members do
           better: see results/ensembles (the demo).
"""

from cnn_bench.runs.study import BEST_SINGLE, TOGETHER, Hypothesis
from cnn_bench.sweep.answers import means, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST, FLIP_AND_CROP

QUESTION = 'What do networks know together, and is it worth the sum of their costs?'
SOURCE = 'Szegedy et al. 2014 (arXiv 1409.4842), table 3; He et al. 2015 (arXiv 1512.03385), table 5'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'total_epochs': 2, 'eval_every_epochs': 2},
    'full': {**FASHION_MNIST, **FLIP_AND_CROP, 'total_epochs': 30},
}
HELD_EQUAL = ('epochs',)
CHARTS = ('ensembles', 'error_overlap')
HYPOTHESES = (
    Hypothesis('all networks together have less error than the best of them', SOURCE, less=TOGETHER, more=BEST_SINGLE),
)
NETWORKS = {  # of four families, with their width in the demo
    'googlenet_bn': ({'model.arch': 'googlenet_bn', 'model.stem': 'small'}, 0.125),
    'resnet20': ({'model.arch': 'resnet20'}, 0.25),
    'fashion_cnn': ({'model.arch': 'fashion_cnn', 'model.dropout': 0.0}, 0.25),
    'vgg11_bn': ({'model.arch': 'vgg11_bn', 'model.stem': 'small'}, 0.125),
    'vgg13_bn': ({'model.arch': 'vgg13_bn', 'model.stem': 'small'}, 0.125),
}


def variants(preset):
    """Each variant is a network."""
    return {
        name: {**network, 'model.width': width} if preset == 'demo' else network
        for name, (network, width) in NETWORKS.items()
    }


def report(table):
    """The errors of the single networks; those of ensembles are in the report, which has the predictions."""
    return f'Alone, {seeds(table)}: {ranked(means(table))}. Together: see Ensembles.'
