"""Make the packaged subset of Fashion-MNIST from the official IDX files:

    python -m cnn_bench.data.make_subset --from DIR [--out DIR]

Each split has equally many images of each class, drawn at random with SEED and kept in the official order. indices.json
beside the shards has the index of each image in the official split.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from cnn_bench.data import locate, write
from cnn_bench.data.readers import found, idx, known_classes
from cnn_bench.errors import UserError

NAME = 'fashion_mnist_subset'
SEED = 20170825  # the day on which Fashion-MNIST was published
SIZES = {'train': 10_000, 'test': 2_000}
IMAGES_PER_SHARD = 2_500  # keeps every file under 2 MB
SOURCE = (
    'Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist), a class-balanced draw '
    f'with seed {SEED} from its official splits'
)


def draw(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """`size` ascending indices into `labels`, with equally many of each class."""
    generator = np.random.Generator(np.random.PCG64(seed))
    classes = np.unique(labels)
    share = size // len(classes)
    # A permutation per class, not Generator.choice, so that smaller draws are part of larger ones.
    drawn = [generator.permutation(np.flatnonzero(labels == label))[:share] for label in classes]
    return np.sort(np.concatenate(drawn))


def make(source: Path, directory: Path, license_text: str) -> None:
    """Write the subset of the IDX files in `source` to `directory`, which must not exist."""
    splits, indices = {}, {}
    for number, (split, size) in enumerate(SIZES.items()):
        images, labels = idx.read_split(source, split)
        indices[split] = draw(labels, size, SEED + number)
        splits[split] = found.examples(images[indices[split]], labels[indices[split]])
    plan = write.Plan(
        name=NAME,
        class_names=known_classes.class_names('fashion_mnist', 10),
        image_shape=(28, 28, 1),
        images_per_shard=IMAGES_PER_SHARD,
        source=SOURCE,
        license=license_text,
    )
    with write.staged(directory) as stage:
        write.write(stage, plan, splits)
        listed = {split: chosen.tolist() for split, chosen in indices.items()}
        (stage / 'indices.json').write_text(json.dumps(listed, separators=(',', ':')) + '\n')


def main(argv: list[str] | None = None) -> int:
    """Make the subset and return the exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m cnn_bench.data.make_subset', description='Make the packaged subset of Fashion-MNIST.'
    )
    parser.add_argument('--from', dest='source', type=Path, required=True, help='directory of the four IDX files')
    parser.add_argument('--out', type=Path, default=locate.PACKAGED / NAME, help='directory of the set')
    arguments = parser.parse_args(argv)
    try:
        license_text = (locate.PACKAGED / NAME / 'LICENSE').read_text()
        make(arguments.source, arguments.out / locate.VERSION, license_text)
    except UserError as error:
        print(f'make_subset: error: {error}', file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == '__main__':
    sys.exit(main())
