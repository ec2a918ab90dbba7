"""How much does the scale of the first weights matter, and more so in deeper networks?

Command    cnn-bench sweep experiments/initialisation.py --preset demo --jobs 2 --out runs/initialisation
           cnn-bench report runs/initialisation
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers" (arXiv 1502.01852), figures 2 and 3: with 22
           layers He's weights converge sooner than Glorot's, with 30 layers Glorot's do not learn. Simonyan &
           Zisserman 2014, section 3.1, could not train deep networks from a Gaussian of 0.01. The lecture ends with
           the question.
Held equal the network (plain, ReLU, no normalisation), the recipe (SGD with momentum: Adam would hide the scale of the
           gradients), the data and the epochs. Three initialisations at two depths.
Expect     gaussian 0.01 at chance, 90 % error, in narrow networks of either depth; Glorot worse than He with 11 layers,
           and at chance with 19. Demo, one seed, before validation images were held out: He 16.9 and 26.4 %, Glorot
           24.7 and 90.0 %.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST

QUESTION = 'How much does the scale of the first weights matter, and more so in deeper networks?'
SOURCE = 'He, Zhang, Ren & Sun 2015 (arXiv 1502.01852), figures 2 and 3'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'model.width': 0.125, 'total_epochs': 2, 'log_every_steps': 25},
    'full': {**FASHION_MNIST, 'total_epochs': 20},
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'He, 19 layers'
CHARTS = ('learning_curves',)
DELVING = 'He et al. 2015 (arXiv 1502.01852), section 2.2'
HYPOTHESES = (
    Hypothesis(
        "19 layers learn better from He's weights than from Glorot's",
        DELVING,
        less='He, 19 layers',
        more='Glorot, 19 layers',
    ),
    Hypothesis(
        "19 layers fit better from He's",
        DELVING,
        less='He, 19 layers',
        more='Glorot, 19 layers',
        column='train_err_pct',
    ),
    Hypothesis(
        "11 layers learn about as well from Glorot's weights as from He's: not 5 points apart",
        DELVING,
        less='He, 11 layers',
        more='Glorot, 11 layers',
        by=-5.0,
    ),
    Hypothesis(
        '19 layers cannot start from a Gaussian of 0.01',
        'Simonyan & Zisserman 2014, section 3.1',
        less='He, 19 layers',
        more='gaussian 0.01, 19 layers',
        by=20.0,
    ),
)
INITS = {'gaussian 0.01': 'gaussian', 'Glorot': 'glorot', 'He': 'he'}
DEPTHS = {19: 'vgg19', 11: 'vgg11'}
SGD = {
    'optimizer.name': 'sgd',
    'optimizer.learning_rate': 0.02,
    'optimizer.momentum': 0.9,
    'optimizer.weight_decay': 0.0,
}


def variants(preset):
    """VGG without normalisation, with three initialisations at two depths."""
    network = {'model.stem': 'small', 'model.dropout': 0.0, **SGD}
    return {
        f'{name}, {depth} layers': {**network, 'model.arch': arch, 'model.kernel_init': init}
        for depth, arch in DEPTHS.items()
        for name, init in INITS.items()
    }


def report(table):
    """The errors at each depth, which networks did not learn, and the difference between He and Glorot."""
    error = means(table)
    stuck = [label for label, value in error.items() if value > 80]
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        f'At chance, having learnt nothing: {"; ".join(stuck)}.' if stuck else '',
        *(difference(error, f'He, {depth} layers', f'Glorot, {depth} layers') for depth in DEPTHS),
    )
