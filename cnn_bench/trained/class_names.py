"""Names of the classes of a network that no data set names."""

from pathlib import Path

from cnn_bench.data.synsets import imagenet_names
from cnn_bench.errors import UserError
from cnn_bench.text import check_one_line


def read_class_names(file: str | Path) -> tuple[str, ...]:
    """The class names in a text file, one a line.

    Raises UserError where it cannot be read, and for a line that is empty or holds control characters.
    """
    try:
        text = Path(file).read_text(encoding='utf-8-sig').rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f'class names {file} cannot be read: {getattr(error, "strerror", None) or error}') from error
    names = tuple(line.strip() for line in text.split('\n'))
    if '' in names:
        raise UserError(f'class names {file}: line {names.index("") + 1} is empty; it takes one name a line')
    for name in names:
        check_one_line(f'class names {file}: the name', name)
    return names


def default_class_names(count: int) -> tuple[str, ...]:
    """Names of the classes of imported weights: those of ImageNet for 1,000 of them, else their numbers."""
    imagenet = tuple(imagenet_names().values())
    return imagenet if count == len(imagenet) else numbered_classes(count)


def numbered_classes(count: int) -> tuple[str, ...]:
    """Names for classes that have none: 'class 0', 'class 1', ..."""
    return tuple(f'class {number}' for number in range(count))
