"""Published ImageNet results beside the costs that we count: a row per network and training.

They are in `imagenet_published.csv`; rows with an `arch` outside the registry wait for that network, and the first row
of a network is that of its oldest recipe. tests/analysis/record_published.py writes the rows of torchvision and timm
from the libraries' own tables. The columns:

    arch            our name for exactly that variant: bvlc_alexnet is `alexnet`, torchvision's alexnet is `alexnet_owt`
    size            side of the evaluated crop; empty where the source does not state it: the network's own size
    top1_err_pct    error on the 50,000 validation images of ImageNet-1k, one model
    top5_err_pct    the same; empty where the source has none
    source_params   exact number of parameters, where the source states it and counts as we do
    training        whose training it is: one of a network of that name and `recipe_year`, the year of the recipe
    recipe          its kind, one of KINDS
    data            what was trained on
    protocol        how it was evaluated: crop, resize and interpolation; begins with `single` for one crop
    source, notes
"""

from collections import Counter
from importlib import resources

import pandas as pd

from cnn_bench.models import registry

SIMPLE, REGULARISED, MODERN, MORE_DATA, UNSTATED = 'simple', 'regularised', 'modern', 'more data', 'unstated'
KINDS = {
    SIMPLE: 'as up to 2016: random crops and flips, at most changes of colour; mostly SGD and some 100 epochs',
    REGULARISED: 'with some of what came until 2020: label smoothing, auxiliary heads, dropped paths, mixup, learned '
    'or random augmentation, averaged weights',
    MODERN: 'as since 2021: hundreds of epochs with much random augmentation, most with mixup and CutMix',
    MORE_DATA: 'with more pictures than those of ImageNet-1k, or labels of a teacher that saw more',
    UNSTATED: 'on no front, as its source does not say how it was trained',
}
# In the words of torchvision's blog (2021), of Wightman, Touvron & Jegou 2021 (arXiv 2110.00476, table 1) for A1 and C,
# and of timm's documentation (hparams) for BT, D, RA and RA4.
TRAININGS = {
    'torchvision 2015': 'SGD, the rate divided by ten every 30 epochs, 90 epochs; RegNets with a cosine',
    'torchvision 2021': 'SGD, cosine, 600 epochs, label smoothing, mixup, CutMix, TrivialAugment, random erasing, '
    'averaged weights; ConvNeXt with AdamW',
    'GluonCV 2018': 'cosine, label smoothing, mixup, 200 epochs',
    'timm RA 2020': 'RMSProp, RandAugment, averaged weights; BT: SGD, bag of tricks',
    'timm A1 2021': 'LAMB, binary cross-entropy, cosine, 600 epochs, mixup, CutMix, RandAugment; A1H regularises '
    'more, C is with SGD, D with AdamW',
    'timm RA4 2024': 'as MobileNetV4, up to 3,600 epochs',
}
TITLE = 'What does ImageNet accuracy cost? Published results against our counts'
_ANSWER = """\
Accuracies are **published by others**, multiply-adds and parameters are **counted here**. After figure 2 of Canziani,
Paszke and Culurciello, *An Analysis of Deep Neural Network Models for Practical Applications* (arXiv 1605.07678).

An error is that of a network *and* of a training: the same ResNet-50 errs on 23.9 % of the pictures with the recipe of
2015 and on 19.1 % with that of 2021. So every network is here once for each published training, with its year, and
recipes are of one of these kinds, each with a Pareto front of its own:

{kinds}

Between networks of one kind differences are due to the network more than to the training, most of all between rows of
torchvision, whose networks one group trained by one recipe and tested by one protocol. Often named:

{trainings}

One model, one crop, no ensemble, and the very variant that the name says. The table names the training, the data, the
protocol and the source of every row.
"""
ANSWER = _ANSWER.format(
    kinds='\n'.join(f'- *{name}*: {words}' for name, words in KINDS.items()),
    trainings='\n'.join(f'- *{name}*: {words}' for name, words in TRAININGS.items()),
)


def rows() -> pd.DataFrame:
    """All rows of the file, including networks outside the registry."""
    with (resources.files('cnn_bench.analysis') / 'imagenet_published.csv').open(encoding='utf-8') as file:
        return pd.read_csv(file, dtype={'size': 'Int64', 'source_params': 'Int64'})


def table() -> pd.DataFrame:
    """The published results of networks in the registry as a tidy table (`runs.columns`), with our counts.

    `recipe` is the kind of recipe, and labels name the training where a network has several.
    """
    known = [row for row in rows().to_dict('records') if row['arch'] in registry.ARCHS]
    times = Counter(row['arch'] for row in known)
    return pd.DataFrame([_tidy(row, several=times[row['arch']] > 1) for row in known])


def is_single_crop(protocol: object) -> bool:
    """Whether a protocol of the file is of one crop; figures of others can't be compared with those of one."""
    return str(protocol).startswith('single')


def _tidy(row: dict, several: bool) -> dict:
    arch, training = registry.get(row['arch']), f'{row["training"]} {row["recipe_year"]}'
    size = arch.size if pd.isna(row['size']) else int(row['size'])
    macs = arch.macs_in_use
    if size != arch.size:
        from cnn_bench.complexity import model_cost  # these import JAX
        from cnn_bench.models.branches import in_use

        macs = model_cost(in_use(registry.build(row['arch'])), (size, size, arch.channels)).macs
    told = [training] if several else []
    told += [] if is_single_crop(row['protocol']) else [row['protocol']]
    return {
        'arch': row['arch'],
        'label': f'{row["arch"]} ({", ".join(told)})' if told else row['arch'],
        'family': arch.family,
        'year': arch.year,
        'params': arch.params_in_use,
        'macs': macs,
        'flops': 2 * macs,
        'dataset': 'imagenet',
        'input_shape': f'{size}x{size}x{arch.channels}',
        'state': 'finished',
        'run': '',
        'training': training,
        **{key: row[key] for key in ('top1_err_pct', 'top5_err_pct', 'recipe', 'data', 'protocol', 'source', 'notes')},
    }
