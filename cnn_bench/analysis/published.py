"""Published ImageNet results, one per network, beside the costs that we count.

They are in `imagenet_published.csv`; rows with an `arch` outside the registry wait for that network. Its columns:

    arch            our name for exactly that variant: bvlc_alexnet is `alexnet`, torchvision's alexnet is `alexnet_owt`
    size            side of the evaluated crop; empty where the source does not state it: the network's own size
    top1_err_pct    error on the 50,000 validation images of ImageNet-1k, one model
    top5_err_pct    the same; empty where the source has none
    source_params   exact number of parameters, where the source states it and counts as we do
    protocol        how it was evaluated: begins with `single` for one crop
    source, notes
"""

from importlib import resources

import pandas as pd

from cnn_bench.models import registry

TITLE = 'What does ImageNet accuracy cost? Published results against our counts'
ANSWER = """\
Accuracies are **published by others**, multiply-adds and parameters are **counted here**. After figure 2 of Canziani,
Paszke and Culurciello, *An Analysis of Deep Neural Network Models for Practical Applications* (arXiv 1605.07678).

One figure per network, chosen by these rules: one model, one crop, no ensemble, and the very variant that the name
says. Where torchvision has that variant, its `IMAGENET1K_V1` weights: one group trained or ported them, tested them by
one protocol, and most come from one simple recipe, so that differences are due to the network more than to the
training. Otherwise the authors' own weights or their best known port. The table names the source and the protocol of
every row.
"""


def rows() -> pd.DataFrame:
    """All rows of the file, including networks outside the registry."""
    with (resources.files('cnn_bench.analysis') / 'imagenet_published.csv').open(encoding='utf-8') as file:
        return pd.read_csv(file, dtype={'size': 'Int64', 'source_params': 'Int64'})


def table() -> pd.DataFrame:
    """The published results of networks in the registry as a tidy table (`runs.columns`), with our counts."""
    return pd.DataFrame([_tidy(row) for row in rows().to_dict('records') if row['arch'] in registry.ARCHS])


def is_single_crop(protocol: object) -> bool:
    """Whether a protocol of the file is of one crop; figures of others can't be compared with those of one."""
    return str(protocol).startswith('single')


def _tidy(row: dict) -> dict:
    arch = registry.get(row['arch'])
    size = arch.size if pd.isna(row['size']) else int(row['size'])
    macs = arch.macs
    if size != arch.size:
        from cnn_bench.complexity import model_cost  # imports JAX

        macs = model_cost(registry.build(row['arch']), (size, size, arch.channels)).macs
    return {
        'arch': row['arch'],
        'label': row['arch'] if is_single_crop(row['protocol']) else f'{row["arch"]}, {row["protocol"]}',
        'family': arch.family,
        'year': arch.year,
        'params': arch.params,
        'macs': macs,
        'flops': 2 * macs,
        'dataset': 'imagenet',
        'input_shape': f'{size}x{size}x{arch.channels}',
        'state': 'finished',
        'run': '',
        **{key: row[key] for key in ('top1_err_pct', 'top5_err_pct', 'protocol', 'source', 'notes')},
    }
