"""How much does the scale of the first weights matter, and more so in deeper networks?

Command    cnn-bench sweep experiments/initialisation.py --preset demo --jobs 2 --out runs/initialisation
           cnn-bench report runs/initialisation
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers" (arXiv 1502.01852), figures 2 and 3: with 22
           layers He's weights converge sooner than Glorot's, with 30 layers Glorot's do not learn. Simonyan &
           Zisserman 2014, section 3.1, could not start deep nets from a Gaussian of 0.01. The lecture's last one asked
           the question.
Held equal the network (plain, ReLU, no normalisation), the recipe (SGD with momentum: Adam would hide the scale of the
           gradients), the data and the epochs. Three networks at each of two depths.
Expect     gaussian 0.01 at chance, 90 % error, in narrow networks at both depths; Glorot's worse than He's with 11
           layers and at chance with 19. Demo, one seed: He 16.9 and 26.4 %, Glorot 24.7 and 90.0 %.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.words import difference, means, paragraph, ranked, seeds

QUESTION = 'How much does the scale of the first weights matter, and more so in deeper networks?'
SOURCE = 'He, Zhang, Ren & Sun 2015 (arXiv 1502.01852), figures 2 and 3'
RECIPE = 'configs/compare.py'
PRESETS = ('demo', 'full')
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
DEMO = {
    'model.width': 0.125,
    'total_epochs': 2,
    'batch_size': 50,
    'eval_every_epochs': 1,
    'log_every_steps': 25,
    'devices': 1,
}
FULL = {'dataset.name': 'fashion_mnist', 'total_epochs': 20, 'batch_size': 128}


def variants(preset):
    """{name: changes to the recipe}: VGG without normalisation, three initialisations of two depths."""
    changes = {'model.stem': 'small', 'model.dropout': 0.0, **SGD, **(DEMO if preset == 'demo' else FULL)}
    return {
        f'{name}, {depth} layers': {**changes, 'model.arch': arch, 'model.kernel_init': init}
        for depth, arch in DEPTHS.items()
        for name, init in INITS.items()
    }


def report(table):
    """The answer in words: the errors at each depth, who did not learn, and He's gain over Glorot's."""
    error = means(table)
    stuck = [label for label, value in error.items() if value > 80]
    return paragraph(
        f'Test error {seeds(table)}: {ranked(error)}.',
        f'At chance, so without having learnt anything: {"; ".join(stuck)}.' if stuck else '',
        *(difference(error, f'He, {depth} layers', f'Glorot, {depth} layers') for depth in DEPTHS),
    )
