"""Which names the classes of a data set may have."""

from collections.abc import Sequence

from cnn_bench.errors import UserError
from cnn_bench.text import check_one_line


def check_class_names(where: str, names: Sequence[str]) -> None:
    """Raise UserError unless these can be the names of classes: of one line each, and different without outer spaces.

    `where` says in the message where the names come from.
    """
    before = {}
    for name in names:
        check_one_line(f'{where}: the class name', name)
        if not name.strip():
            raise UserError(f'{where}: the class name {name!r} is empty')
        if name.strip() in before:  # TFDS reads them so
            raise UserError(f'{where}: the class names {before[name.strip()]!r} and {name!r} are the same')
        before[name.strip()] = name
