"""How much of the gain of ten years is recipe, and how much architecture?

Command    cnn-bench sweep experiments/recipe_or_architecture.py --preset demo --seeds 3 --jobs 2 --out runs/recipe
           cnn-bench report runs/recipe
           `full` needs CIFAR-10: cnn-bench data prepare cifar10 --from DIR
           `cnn-bench report --published` asks the same of published weights on ImageNet.
Source     Bello et al. 2021, Revisiting ResNets (arXiv 2103.07579), and Wightman, Touvron & Jegou 2021, ResNet strikes
           back (arXiv 2110.00476): most of what newer networks gained over ResNets came with their recipes.
Held equal the data, the batches and the number of epochs, so that the newer recipe, which is meant for long training,
           does not gain by its length: --config.total_epochs makes all longer. Recipe of 2015: SGD, the rate divided by
           ten twice, flips and shifts. Recipe of 2021: AdamW with warm-up and a cosine, and besides label smoothing,
           mixup and CutMix. Errors are those of the last weights, so averaged weights have no part in it. Every network
           meets both recipes; what is not due to either alone is their interaction.
           Seeds that collapsed count neither in the gain nor in the shares. --tune-trials gives every network by every
           recipe a rate of its own.
Expect     on ImageNet, published, some 3 points by recipe and 1 to 2 by architecture (`cnn-bench report --published`).
           Demo, two seeds: 0.9 points by recipe, test error of vgg11_bn 16.1 and 15.2 %, resnet20 18.6 and 16.9 %,
           mobilenet_v2 19.9 and 19.9 % by the older and the newer; convnext_tiny, one seed, collapsed by the older at
           this rate and had 24.1 % by the newer. Four epochs are too few for what mixing of images brings.
"""

import numpy as np

from cnn_bench.runs.study import Hypothesis
from cnn_bench.stats import mean_ci, variance_shares
from cnn_bench.sweep import log
from cnn_bench.sweep.answers import means, paragraph, ranked, seeds
from cnn_bench.sweep.presets import CIFAR10, DEMO

QUESTION = 'How much of the gain of ten years is recipe, and how much architecture?'
SOURCE = 'Bello et al. 2021 (arXiv 2103.07579), figure 1; Wightman, Touvron & Jegou 2021 (arXiv 2110.00476), table 2'
RECIPE = 'configs/compare.py'
PRESETS = {
    'demo': {**DEMO, 'total_epochs': 4},
    'full': {**CIFAR10, 'total_epochs': 200, 'eval_every_epochs': 10},
}
HELD_EQUAL = ('epochs', 'macs')
BASELINE = 'resnet20, 2015'
TUNE = {'optimizer.learning_rate': log(2e-4, 0.2)}  # with --tune-trials
CHARTS = ('accuracy_vs_macs', 'differences', 'learning_curves')
OLD, NEW = '2015', '2021'
CROPS = {'augment.flip': True, 'augment.pad_crop': 2}
RECIPES = {
    OLD: {
        **CROPS,
        'optimizer.name': 'sgd',
        'optimizer.momentum': 0.9,
        'optimizer.weight_decay': 1e-4,
        'schedule.name': 'step',
        'schedule.at': (0.5, 0.75),
        'schedule.factor': 0.1,
        'schedule.warmup_epochs': 0.0,
    },
    NEW: {
        **CROPS,
        'optimizer.weight_decay': 0.05,
        'optimizer.clip_norm': 1.0,
        'label_smoothing': 0.1,
        'mix.mixup_alpha': 0.2,
        'mix.cutmix_alpha': 1.0,
    },
}
RATES = {'demo': {OLD: 0.05, NEW: 4e-3}, 'full': {OLD: 0.1, NEW: 2e-3}}  # by batch: 50 and 128
# Network -> its fields, and those of its narrow form in the demo, of 5 to 9 million multiply-adds; from 2014, 2015,
# 2018 and 2022.
NETWORKS = {
    'vgg11_bn': ({'model.stem': 'small'}, {'model.width': 0.25}),
    'resnet20': ({}, {'model.width': 0.5}),
    'mobilenet_v2': ({'model.stem': 'small'}, {'model.width': 0.25}),
    'convnext_tiny': ({'model.stem': 'small'}, {'model.width': 0.125, 'model.depths': (1, 1, 3, 1)}),
}
STRIKES_BACK = 'Wightman, Touvron & Jegou 2021, table 2'
HYPOTHESES = (
    *(
        Hypothesis(
            f'the recipe of {NEW} lowers the error of {name}',
            STRIKES_BACK,
            less=f'{name}, {NEW}',
            more=f'{name}, {OLD}',
        )
        for name in NETWORKS
    ),
    *(
        Hypothesis(
            f'of networks trained as in {year}, that of 2022 has less error than that of 2015',
            'Liu et al. 2022 (arXiv 2201.03545), figure 2',
            less=f'convnext_tiny, {year}',
            more=f'resnet20, {year}',
        )
        for year in RECIPES
    ),
    Hypothesis(
        'the network of 2015 by the newer recipe has less error than that of 2022 by the older',
        'Bello et al. 2021, figure 1',
        less=f'resnet20, {NEW}',
        more=f'convnext_tiny, {OLD}',
    ),
)


def variants(preset):
    """Every network by every recipe."""
    rates = RATES['demo' if preset == 'demo' else 'full']
    return {
        f'{name}, {year}': {
            'model.arch': name,
            **fields,
            **(narrow if preset == 'demo' else {}),
            **recipe,
            'optimizer.learning_rate': rates[year],
        }
        for name, (fields, narrow) in NETWORKS.items()
        for year, recipe in RECIPES.items()
    }


def report(table):
    """The errors, what the recipe gains on average, and the shares of the variance."""
    errors = means(table)
    learned = table[~table.collapsed.eq(True)] if 'collapsed' in table else table
    by_seed = learned.pivot_table('top1_err_pct', 'label', 'seed')
    networks = [name for name in NETWORKS if all(f'{name}, {year}' in by_seed.index for year in RECIPES)]
    return paragraph(
        f'Test error {seeds(table)}: {ranked(errors)}.', *_gain(by_seed, networks), *_shares(by_seed, networks)
    )


def _gain(by_seed, networks):
    """By how much the newer recipe lowers the error, mean over the networks that have both."""
    if not networks:
        return []
    old, new = (by_seed.loc[[f'{name}, {year}' for name in networks]].to_numpy() for year in (OLD, NEW))
    gains = (old - new).mean(0)
    mean, half = mean_ci(gains[~np.isnan(gains)])
    within = f' (95 % interval over seeds {mean - half:.1f} to {mean + half:.1f})' if half == half else ''
    return [f'The recipe of {NEW} lowers the error of {", ".join(networks)} by {mean:.1f} points on average{within}.']


def _shares(by_seed, networks):
    """Which share of the variance is due to what, over the seeds that all of these networks have."""
    kept = by_seed.loc[[f'{name}, {year}' for name in networks for year in RECIPES]].dropna(axis=1)
    if len(networks) < 2 or kept.empty:
        return []
    found = variance_shares(kept.to_numpy().reshape(len(networks), len(RECIPES), -1))
    named = {
        'architecture': found.first,
        'recipe': found.second,
        'which recipe suits which network': found.interaction,
    }
    if kept.shape[1] > 1:
        named['seeds'] = found.seeds
    said = [f'{name} {100 * one.value:.0f} %{_interval(one)}' for name, one in named.items() if one.value == one.value]
    rough = ' (95 % intervals over seeds, rough from few)' if kept.shape[1] > 1 else ''
    return [f'Shares of the variance of these errors{rough}: {"; ".join(said)}.'] if said else []


def _interval(share):
    return f' ({100 * share.low:.0f} to {100 * share.high:.0f})' if share.low == share.low else ''
