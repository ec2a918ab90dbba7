"""How much do weights from other classes help where there are few labelled images?

Command    cnn-bench sweep experiments/transfer.py --preset demo --seeds 5 --jobs 2 --out runs/transfer
           cnn-bench report runs/transfer
           `full` needs Fashion-MNIST: cnn-bench data prepare fashion_mnist --from DIR
Source     the lecture, Transfer Learning: not only does it speed up training, it "also requires significantly less
           training data". Yosinski et al. 2014 (arXiv 1411.1792), figure 2: transferred layers, fine-tuned, generalise
           better than random ones even to other classes.
Held equal the network, the steps and the batches. `pretrained` learns five classes of Fashion-MNIST, the others the
           other five, with 1, 10 or 100 % of their images: from scratch, the head alone on the frozen base at ten
           times the rate, or so for a quarter of the steps and then all at a quarter of the rate. Both halves have
           clothes and shoes: the tasks are to be similar. Each seed has a pretraining of its own.
Expect     fine-tuned below from scratch at 1 %, at 10 % about the same. Measured in the demo, 5 seeds, paired: 23.7
           against 28.7 % at 1 % (5.0 points less, 95 % interval 3.8 to 6.3), 16.1 against 16.7 % at 10 % (0.6, -0.3 to
           1.4). At 100 % it loses, 14.2 against 10.7 %: at a quarter of the rate it has not caught up. The head alone
           has 26.3, 22.9 and 23.3 %.
"""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.words import difference, means, paragraph, ranked, seeds

QUESTION = 'How much do weights from other classes help where there are few labelled images?'
SOURCE = 'the lecture, Transfer Learning; Yosinski et al. 2014 (arXiv 1411.1792), figure 2'
RECIPE = 'configs/compare.py'
PRESETS = ('demo', 'full')
HELD_EQUAL = ('epochs',)
BASELINE = 'from scratch, 1 %'
CHARTS = ('differences', 'learning_curves')
LECTURE = 'lecture, Transfer Learning'
HYPOTHESES = (
    Hypothesis(
        'with 1 % of the images, fine-tuned errs less', LECTURE, less='fine-tuned, 1 %', more='from scratch, 1 %'
    ),
    Hypothesis('with 1 %, the head alone errs less too', LECTURE, less='head only, 1 %', more='from scratch, 1 %'),
    Hypothesis(
        'with 10 % of the images, fine-tuned errs less', LECTURE, less='fine-tuned, 10 %', more='from scratch, 10 %'
    ),
    Hypothesis(
        'with all of them, fine-tuned errs less',
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
RATE = 4e-3  # of the recipe
HEAD = {'freeze': ('*', '!head'), 'optimizer.learning_rate': 10 * RATE}  # a single layer takes more
DEMO = {
    'model.arch': 'resnet20',
    'model.depths': (1, 1, 1),
    'model.width': 0.5,
    'total_steps': 400,
    'batch_size': 50,
    'devices': 1,
}
FULL = {'model.arch': 'resnet20', 'dataset.name': 'fashion_mnist', 'total_steps': 4680, 'batch_size': 128}
IMAGES = {'demo': 5_000, 'full': 30_000}  # of five classes


def variants(preset):
    """{name: changes to the recipe}: the pretraining, then three ways to learn the other classes from three samples."""
    scale = DEMO if preset == 'demo' else FULL
    steps, images = scale['total_steps'], IMAGES[preset]
    same = {
        **scale,
        'schedule.warmup_epochs': 0.0,  # it counts passes, and the steps are to be equal
        'checkpoint_every_steps': steps,
        'eval_every_epochs': steps,  # at the end alone
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
        made |= {f'{way}, {percent} %': {**same, **part, **changes} for way, changes in ways.items()}
    return made


def report(table):
    """The answer in words: the errors at each share of the images, and what pretraining gains there."""
    error = means(table)
    shares = {percent: error[error.index.str.endswith(f', {percent} %')] for percent in (1, 10, 100)}
    return paragraph(
        *(f'Test error {seeds(table)}: {ranked(errors)}.' for errors in shares.values() if len(errors)),
        *(difference(error, f'fine-tuned, {percent} %', f'from scratch, {percent} %') for percent in shares),
        f'The source classes are told apart with {error["pretrained"]:.1f} % error by pretrained.'
        if 'pretrained' in error
        else '',
    )
