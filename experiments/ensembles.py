"""What do networks know together, and is it worth the sum of their costs?

Command    cnn-bench sweep experiments/ensembles.py --preset demo --jobs 2 --out runs/ensembles
           cnn-bench report runs/ensembles
           Any finished runs make ensembles: `cnn-bench ensemble DIR` takes what is there.
Source     the winners of ImageNet were ensembles (lecture, Winners of the ImageNet Challenges): seven networks in
           Szegedy et al. 2014 (arXiv 1409.4842), table 3, six in He et al. 2015 (arXiv 1512.03385), table 5.
Held equal the recipe, the data and the number of epochs.
Expect     all together at or below the best, at several times its cost; fewer but better members do better. Demo, one
           seed: the best alone 13.4 %, all five 13.0 %, the three best 12.3 % (chosen on the test images).
"""

from cnn_bench.runs.study import BEST_SINGLE, TOGETHER, Hypothesis
from cnn_bench.sweep.words import means, paragraph, ranked, seeds

QUESTION = 'What do networks know together, and is it worth the sum of their costs?'
SOURCE = 'Szegedy et al. 2014 (arXiv 1409.4842), table 3; He et al. 2015 (arXiv 1512.03385), table 5'
RECIPE = 'configs/compare.py'
PRESETS = ('demo', 'full')
HELD_EQUAL = ('epochs',)
CHARTS = ('ensembles', 'error_overlap')
HYPOTHESES = (
    Hypothesis('all networks together err less than the best of them', SOURCE, less=TOGETHER, more=BEST_SINGLE),
)
NETWORKS = {  # two of one family, the others of a family each; and the width of the demo
    'googlenet_bn': ({'model.arch': 'googlenet_bn', 'model.stem': 'small'}, 0.125),
    'resnet20': ({'model.arch': 'resnet20'}, 0.25),
    'fashion_cnn': ({'model.arch': 'fashion_cnn', 'model.dropout': 0.0}, 0.25),
    'vgg11_bn': ({'model.arch': 'vgg11_bn', 'model.stem': 'small'}, 0.125),
    'vgg13_bn': ({'model.arch': 'vgg13_bn', 'model.stem': 'small'}, 0.125),
}
DEMO = {'total_epochs': 2, 'batch_size': 50, 'eval_every_epochs': 2, 'devices': 1}
FULL = {
    'dataset.name': 'fashion_mnist',
    'total_epochs': 30,
    'batch_size': 128,
    'augment.flip': True,
    'augment.pad_crop': 2,
}


def variants(preset):
    """{name: changes to the recipe}: a network each."""
    made = {}
    for name, (network, width) in NETWORKS.items():
        made[name] = {**network, **FULL} if preset == 'full' else {**network, 'model.width': width, **DEMO}
    return made


def report(table):
    """The answer in words: what each errs alone. What they err together the report tells, from their predictions."""
    return paragraph(f'Alone, {seeds(table)}: {ranked(means(table))}. Together: see Ensembles.')
