"""Synthetic tidy tables with the crowding of real ones: families in lines, neighbours a hair apart."""

import numpy as np
import pandas as pd

FAMILIES = {
    'lenet': ['lenet5', 'fashion_cnn'],
    'alexnet': ['alexnet', 'alexnet_owt'],
    'vgg': ['vgg11', 'vgg13', 'vgg16', 'vgg19', 'vgg11_bn', 'vgg13_bn', 'vgg16_bn', 'vgg19_bn'],
    'googlenet': ['googlenet', 'googlenet_bn'],
    'resnet': ['resnet18', 'resnet34', 'resnet50', 'resnet101', 'resnet152', 'resnet50_v1'],
    'resnet_cifar': ['resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet110'],
    'plain': ['plain20', 'plain56'],
    'xception': ['xception'],
}
NAMES = [(family, name) for family, members in FAMILIES.items() for name in members]


def fake_table(points: int, seeds: int = 1) -> pd.DataFrame:
    """A finished run per point and seed. Past the number of names, wider forms of the same networks."""
    rng = np.random.default_rng(points)
    spread = np.linspace(0, len(NAMES) - 1, points).astype(int)
    picked = NAMES if points >= len(NAMES) else [NAMES[i] for i in spread]
    rows = []
    for i in range(points):
        width = (0.25, 0.5, 1.0)[i // len(picked)]
        rows += _runs(*picked[i % len(picked)], width, seeds, rng)
    return pd.DataFrame(rows)


def _runs(family: str, name: str, width: float, seeds: int, rng: np.random.Generator) -> list[dict]:
    place, size = list(FAMILIES).index(family), FAMILIES[family].index(name) + 1
    macs = int(2e6 * (1 + place) * size**0.8 * (width / 0.25) ** 2 * rng.uniform(0.8, 1.25))
    params = int(6e4 * (30 if family in ('vgg', 'alexnet') else 3) * size**0.5 * (width / 0.25) ** 2)
    error = 7 + 26 * (macs / 1e6) ** -0.35 + rng.normal(0, 0.8) + (2.5 if family == 'alexnet' else 0)
    label = name if width == 0.25 else f'{name} x{width:g}'
    configuration = {
        'arch': name, 'label': label, 'family': family, 'year': 2010 + place, 'params': params, 'macs': macs,
        'flops': 2 * macs, 'activation_bytes': macs // 9, 'test_loss': error / 30,
        'images_per_s': round(4e9 / macs, 1), 'train_s': 40.0, 'epochs': 4.0, 'dataset': 'fashion_mnist',
        'input_shape': '28x28x1', 'width': width, 'stem': 'small', 'batch_size': 128, 'dtype': 'float32',
        'device': '1 x cpu', 'state': 'finished', 'source': 'measured',
    }  # fmt: skip
    errors = error + rng.normal(0, 0.35, seeds) * (seeds > 1)
    return [
        configuration
        | {
            'top1_err_pct': round(float(errors[seed]), 2),
            'top5_err_pct': round(float(errors[seed]) / 12, 2),
            'seed': seed,
            'run': f'{name}-{width}-seed{seed}',
        }
        for seed in range(seeds)
    ]
