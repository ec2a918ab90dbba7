"""Write the rows of torchvision and timm in cnn_bench/analysis/imagenet_published.csv from the libraries' own tables.

No figure is typed: torchvision's are in the metadata of its weights, timm's in results/results-imagenet.csv of its
repository (huggingface/pytorch-image-models), of which a copy is given. Rows of other sources are kept as they are.
Needs torch, torchvision and timm; the tests that read the file need none of them.

    python tests/analysis/record_published.py results-imagenet.csv

What is written: every set of torchvision for a network here, but for those that are wider there; of timm the authors'
own, and of those of one line of TIMM the first that there is (of those evaluated nearest to the size at which the
registry counts). A set that both have is torchvision's. Sets trained with more data are left out at other sizes.
"""

import csv
import math
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests' / 'pretrained')]

from record_transforms import names  # noqa: E402

from cnn_bench.models import registry  # noqa: E402

TABLE = ROOT / 'cnn_bench' / 'analysis' / 'imagenet_published.csv'
TORCHVISION, TIMM_TABLE = 'torchvision 0.29.1, weights {}', 'pytorch-image-models, results-imagenet.csv, {}'
COLUMNS = ('arch', 'size', 'top1_err_pct', 'top5_err_pct', 'source_params', 'training', 'recipe_year')
COLUMNS += ('recipe', 'data', 'source', 'protocol', 'notes')
SIMPLE, REGULARISED, MODERN, MORE_DATA, UNSTATED = 'simple', 'regularised', 'modern', 'more data', 'unstated'
PLAIN = 'ImageNet-1k'

# Tag of timm -> whose recipe, its year, its kind and the data. `hparams` of timm's documentation describes the tags a1,
# c, d, ra and bt, the model cards at the Hugging Face hub the others. Of each line a network has the first only.
TIMM = (
    {
        'mx_in1k': ('authors', 2017, SIMPLE, PLAIN),
        'ms_in1k': ('authors', 2019, SIMPLE, PLAIN),
        'rvgg_in1k': ('authors', 2021, SIMPLE, PLAIN),
        'apple_in1k': ('authors', 2022, REGULARISED, PLAIN),
        'dm_in1k': ('authors', 2021, MODERN, PLAIN),
        'fb_in1k': ('authors', 2022, MODERN, PLAIN),
        'fcmae_ft_in1k': ('authors', 2023, MODERN, f'{PLAIN}, first without its labels'),
    },
    {
        'gluon_in1k': ('GluonCV', 2018, REGULARISED, PLAIN),
        'ra_in1k': ('timm RA', 2020, REGULARISED, PLAIN),
        'ra2_in1k': ('timm RA', 2020, REGULARISED, PLAIN),
        'bt_in1k': ('timm BT', 2020, REGULARISED, PLAIN),
        'rmsp_in1k': ('timm RMSProp', 2019, REGULARISED, PLAIN),
        'lamb_in1k': ('timm LAMB', 2022, UNSTATED, PLAIN),
    },
    {
        'a1_in1k': ('timm A1', 2021, MODERN, PLAIN),
        'a1h_in1k': ('timm A1H', 2022, MODERN, PLAIN),
        'c1_in1k': ('timm C', 2021, MODERN, PLAIN),
        'c2ns_in1k': ('timm C', 2021, MODERN, PLAIN),
        'racm_in1k': ('timm RACM', 2021, MODERN, PLAIN),
        'd1_in1k': ('timm D', 2022, MODERN, PLAIN),
        'd1h_in1k': ('timm D', 2022, MODERN, PLAIN),
        'd2_in1k': ('timm D', 2022, MODERN, PLAIN),
    },
    dict.fromkeys(
        (
            *('ra4_e3600_r224_in1k', 'ra4_e3600_r240_in1k', 'e3600_r256_in1k', 'e2400_r224_in1k', 'e1200_r224_in1k'),
            *('e500_r256_in1k', 'e500_r224_in1k', 'e600_r384_in1k'),
        ),
        ('timm RA4', 2024, MODERN, PLAIN),
    ),
    {
        'fb_in22k_ft_in1k': ('authors on ImageNet-22k', 2022, MORE_DATA, f'ImageNet-22k, then {PLAIN}'),
        'fcmae_ft_in22k_in1k': ('authors on ImageNet-22k', 2023, MORE_DATA, f'ImageNet-22k, then {PLAIN}'),
        'in12k_ft_in1k': ('timm on ImageNet-12k', 2023, MORE_DATA, f'ImageNet-12k, then {PLAIN}'),
        'miil_in21k_ft_in1k': ('MIIL on ImageNet-21k', 2021, MORE_DATA, f'ImageNet-21k, then {PLAIN}'),
        'ns_jft_in1k': ('noisy student', 2020, MORE_DATA, f'{PLAIN} and 300 M pictures labelled by a teacher'),
        'fb_swsl_ig1b_ft_in1k': ('SWSL', 2019, MORE_DATA, f'10^9 pictures labelled by a teacher, then {PLAIN}'),
    },
)
WIDER_IN_TORCHVISION = ('regnet_x_400mf', 'regnet_y_800mf', 'regnet_y_8gf')  # other networks than the paper's
# The same of single sets of the authors, whose tag does not say it.
TIMM_SETS = {
    **{
        f'{name}.pycls_in1k': ('authors', 2020, SIMPLE, PLAIN) for name in ('regnetx_004', 'regnety_008', 'regnety_080')
    },
    'inception_v4.tf_in1k': ('authors', 2016, REGULARISED, PLAIN),
    'inception_resnet_v2.tf_in1k': ('authors', 2016, REGULARISED, PLAIN),
    'nasnetalarge.tf_in1k': ('authors', 2017, REGULARISED, PLAIN),
    'pnasnet5large.tf_in1k': ('authors', 2017, REGULARISED, PLAIN),
    'resnetrs50.tf_in1k': ('authors', 2021, MODERN, PLAIN),
    'ghostnet_100.in1k': ('authors', 2020, UNSTATED, PLAIN),
    'res2net50_26w_4s.in1k': ('authors', 2019, SIMPLE, PLAIN),
    **{f'tf_efficientnet_lite{n}.in1k': ('authors', 2020, REGULARISED, PLAIN) for n in range(5)},
}
# Sets of timm that torchvision has too.
ALSO_OF_TORCHVISION = tuple(f'efficientnet_b{n}.ra{"2" * (n > 2)}_in1k' for n in range(5))
# Networks of torchvision whose first weights are not of its simple recipe. Those of its new recipe say so themselves.
# The files of EfficientNet-B0 to B4 are named after timm's author, and err as often as timm's.
OF_TORCHVISION = {
    **dict.fromkeys((f'densenet{n}' for n in (121, 161, 169, 201)), ('authors', 2016, SIMPLE)),
    **dict.fromkeys(('googlenet', 'inception_v3'), ('TF-slim', 2016, REGULARISED)),
    **dict.fromkeys((f'efficientnet_b{n}' for n in range(5)), ('timm RA', 2020, REGULARISED)),
    **dict.fromkeys((f'efficientnet_b{n}' for n in range(5, 8)), ('authors', 2019, REGULARISED)),
    'efficientnet_v2_l': ('authors', 2021, MODERN),
    **dict.fromkeys(('mobilenet_v3_small', 'mobilenet_v3_large'), ('torchvision mobile', 2019, REGULARISED)),
    **dict.fromkeys(('mnasnet0_5', 'mnasnet1_0'), ('others', 2018, UNSTATED)),
    **dict.fromkeys(('shufflenet_v2_x0_5', 'shufflenet_v2_x1_0'), ('others', 2018, UNSTATED)),
}
NEW_RECIPE, SIMPLE_RECIPE = ('torchvision', 2021, MODERN), ('torchvision', 2015, SIMPLE)
SWAG = ('SWAG', 2022, MORE_DATA, f'3.6 x 10^9 pictures with hashtags, then {PLAIN}')


def of_torchvision() -> list[dict]:
    """A row per set of weights of torchvision with an accuracy."""
    from torchvision import models

    rows = []
    for arch, name in names('torchvision'):
        if arch in WIDER_IN_TORCHVISION:
            continue
        for weights in models.get_model_weights(name):
            meta, look = weights.meta, weights.transforms()
            accuracy, (size,), (resize,) = meta['_metrics']['ImageNet-1K'], look.crop_size, look.resize_size
            trained = _training_of_torchvision(name, weights.name, meta['_docs'])
            if math.isnan(accuracy['acc@1']) or _is_left_out(arch, size, trained):
                continue
            counted = meta['num_params'] == registry.get(arch).params  # elsewhere with the auxiliary head
            rows.append(
                {
                    'arch': arch,
                    'size': size,
                    'top1_err_pct': _error(accuracy['acc@1']),
                    'top5_err_pct': _error(accuracy['acc@5']),
                    'source_params': meta['num_params'] if counted else '',
                    **_trained(*trained),
                    'source': TORCHVISION.format(weights.name),
                    'protocol': _crop(size, resize, look.interpolation.value),
                }
            )
    return rows


def of_timm(results: Path) -> list[dict]:
    """A row per set of weights of timm that TIMM or TIMM_SETS lists."""
    import timm

    with results.open(encoding='utf-8') as file:
        tested: dict[str, list[dict]] = {}
        for row in csv.DictReader(file):
            tested.setdefault(row['model'], []).append(row)
    rows = []
    for arch, name in names('timm', 'timm_tf'):
        for full, trained in _chosen(arch, name, tested):
            row = min(tested[full], key=lambda row: _away(arch, row))
            size = int(row['img_size'])
            if _is_left_out(arch, size, trained):
                continue
            squash = timm.models.get_pretrained_cfg(full).crop_mode == 'squash'
            resize = math.floor(size / float(row['crop_pct']))
            whole = f'single crop, the whole picture squashed to {size} ({row["interpolation"]})'
            rows.append(
                {
                    'arch': arch,
                    'size': size,
                    'top1_err_pct': f'{float(row["top1_err"]):g}',
                    'top5_err_pct': f'{float(row["top5_err"]):g}',
                    **_trained(*trained),
                    'source': TIMM_TABLE.format(full),
                    'protocol': whole
                    if squash and resize == size
                    else _crop(size, resize, row['interpolation'], squash),
                }
            )
    return rows


def _chosen(arch: str, name: str, tested: dict) -> list[tuple[str, tuple]]:
    """The sets of a network of timm, each with its training."""
    found = [
        (full, trained) for full, trained in TIMM_SETS.items() if full.partition('.')[0] == name and full in tested
    ]
    for line in TIMM:
        sets = [(f'{name}.{tag}', trained) for tag, trained in line.items()]
        sets = [one for one in sets if one[0] in tested and one[0] not in ALSO_OF_TORCHVISION]
        found += sorted(sets, key=lambda one: min(_away(arch, row) for row in tested[one[0]]))[:1]
    return found


def _away(arch: str, row: dict) -> int:
    """How far the size of an evaluation is from that at which the registry counts."""
    return abs(int(row['img_size']) - registry.get(arch).size)


def _is_left_out(arch: str, size: int, trained: tuple) -> bool:
    return MORE_DATA in trained and size != registry.get(arch).size


def _training_of_torchvision(name: str, tag: str, docs: str) -> tuple:
    if 'SWAG' in tag:
        return SWAG
    if 'new training recipe' in ' '.join(docs.split()):
        return (*NEW_RECIPE, PLAIN)
    return (*OF_TORCHVISION.get(name, SIMPLE_RECIPE), PLAIN)


def _trained(training: str, year: int, recipe: str, data: str) -> dict:
    return {'training': training, 'recipe_year': year, 'recipe': recipe, 'data': data}


def _error(accuracy: float) -> str:
    return f'{100 - accuracy:.10g}'


def _crop(size: int, resize: int, interpolation: str, squash: bool = False) -> str:
    whole = f'the picture squashed to {resize}' if squash else f'resize {resize}'
    return f'single centre crop {size} from {whole} ({interpolation})'


def main() -> None:
    """Write the table."""
    with TABLE.open(encoding='utf-8') as file:
        before = list(csv.DictReader(file))
    ours = (TORCHVISION.format(''), TIMM_TABLE.format(''))
    notes = {(row['arch'], row['source']): row['notes'] for row in before}
    rows = [row for row in before if not row['source'].startswith(ours)]
    for row in of_torchvision() + of_timm(Path(sys.argv[1])):
        rows.append({**row, 'notes': notes.get((row['arch'], row['source']), '')})
    places = {name: place for place, name in enumerate(registry.ARCHS)}
    rows.sort(
        key=lambda row: (
            places.get(row['arch'], len(places)),
            row['recipe'] == MORE_DATA,
            int(row['recipe_year']),
            row['training'],
        )
    )
    with TABLE.open('w', newline='', encoding='utf-8') as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator='\n', restval='')
        table.writeheader()
        table.writerows(rows)


if __name__ == '__main__':
    main()
