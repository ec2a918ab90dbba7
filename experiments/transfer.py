"""How much do weights from other classes help where there are few labelled images?

Command    cnn-bench sweep experiments/transfer.py --preset demo --seeds 5 --jobs 2 --out runs/transfer
           cnn-bench report runs/transfer
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     the lecture, Transfer Learning: not only does it speed up training, it "also requires significantly less
           training data". Yosinski et al. 2014 (arXiv 1411.1792), figure 2: transferred layers, fine-tuned, generalise
           better than random ones even to other classes.
Held equal the network, the steps and the batches. `pretrained` learns five classes of Fashion-MNIST, the others the
           other five, with 1, 10 or 100 % of their images: `from scratch`; `head only` on the frozen pretrained base,
           at ten times the rate; or `fine-tuned`, the head only for a quarter of the steps and then all layers at a
           quarter of the rate. Both halves have clothes and shoes, which makes the tasks similar. Each seed has its own
           pretraining.
Expect     fine-tuned ahead of from scratch with 1 % of the images, by how much depends on which 45 images these are;
           about equal with 10 %, and behind with all of them, where it has not caught up at a quarter of the rate: see
           results/transfer (the demo, five seeds).
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.answers import difference, means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import DEMO, FASHION_MNIST

QUESTION = 'How much do weights from other classes help where there are few labelled images?'
SOURCE = 'the lecture, Transfer Learning; Yosinski et al. 2014 (arXiv 1411.1792), figure 2'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {
        **DEMO,
        'batch_size': 45,  # 1 % of the images
        'dataset.validation_images': 500,
        'model.arch': 'resnet20',
        'model.depths': (1, 1, 1),
        'model.width': 0.5,
        'total_steps': 400,
    },
    'full': {**FASHION_MNIST, 'dataset.validation_images': 3000, 'model.arch': 'resnet20', 'total_steps': 4680},
}
HELD_EQUAL = ('epochs',)
BASELINE = 'from scratch, 1 %'
CHARTS = ('differences', 'learning_curves')
LECTURE = 'lecture, Transfer Learning'
HYPOTHESES = (
    Hypothesis(
        'with 1 % of the images, fine-tuning has less error', LECTURE, less='fine-tuned, 1 %', more='from scratch, 1 %'
    ),
    Hypothesis('with 1 %, the head alone has less error too', LECTURE, less='head only, 1 %', more='from scratch, 1 %'),
    Hypothesis(
        'with 10 % of the images, fine-tuning has less error',
        LECTURE,
        less='fine-tuned, 10 %',
        more='from scratch, 10 %',
    ),
    Hypothesis(
        'with all of them, fine-tuning has less error',
        'Yosinski et al. 2014 (arXiv 1411.1792), section 4.1',
        less='fine-tuned, 100 %',
        more='from scratch, 100 %',
    ),
    Hypothesis(
        'a step of the head alone costs less',
        LECTURE,
        less='head only, 1 %',
        more='from scratch, 1 %',
        column='train_macs',
    ),
    Hypothesis('unfreezing pays with all of the images', LECTURE, less='fine-tuned, 100 %', more='head only, 100 %'),
)
SOURCE_CLASSES = (0, 2, 5, 7, 8)  # T-shirt, pullover, sandal, sneaker, bag
TARGET_CLASSES = (1, 3, 4, 6, 9)  # trouser, dress, coat, shirt, ankle boot
RATE = 4e-3  # the recipe's
HEAD = {'freeze': ('*', '!head'), 'optimizer.learning_rate': 10 * RATE}  # a single layer bears a higher rate
IMAGES = {'demo': 4_500, 'full': 27_000}  # of the five classes together, without those that are held out


def variants(preset):
    """The pretraining, then three ways to learn the other classes, each from three numbers of images."""
    steps, images = PRESETS[preset]['total_steps'], IMAGES[preset]
    same = {
        'schedule.warmup_epochs': 0.0,  # it would be a different number of steps for each
        'checkpoint_every_steps': steps,
        'eval_every_epochs': steps,  # only at the end
        'log_every_steps': max(1, steps // 20),
        'init_head': False,
    }
    start = {'init_from': '{pretrained}'}
    fine_tuned = (
        {'total_steps': steps // 4, **HEAD},
        {'total_steps': steps - steps // 4, 'optimizer.learning_rate': RATE / 4},
    )
    ways = {
        'from scratch': {},
        'head only': {**start, **HEAD},
        'fine-tuned': {**start, 'stages': fine_tuned},
    }
    made = {'pretrained': {**same, 'dataset.classes': SOURCE_CLASSES}}
    for percent in (1, 10, 100):
        part = {'dataset.classes': TARGET_CLASSES, 'dataset.train_images': images * percent // 100}
        made |= {f'{way}, {percent} %': {**same, **part, **overrides} for way, overrides in ways.items()}
    return made


def report(table):
    """The errors with each percentage of the images, and what pretraining gains there."""
    error = means(table)
    shares = {percent: error[error.index.str.endswith(f', {percent} %')] for percent in (1, 10, 100)}
    return paragraph(
        *(f'Test error {seeds(table)}: {ranked(errors)}.' for errors in shares.values() if len(errors)),
        *(difference(error, f'fine-tuned, {percent} %', f'from scratch, {percent} %') for percent in shares),
        f'On the source classes, pretrained has {error["pretrained"]:.1f} % error.' if 'pretrained' in error else '',
    )
