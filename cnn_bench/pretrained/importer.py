"""Importing weights: a file of another library becomes a directory that every command can use."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnn_bench.digest import digest
from cnn_bench.pretrained import deduce
from cnn_bench.pretrained.convert import build, convert, count_values, fitting_libraries
from cnn_bench.pretrained.layout import layout_of
from cnn_bench.pretrained.preprocessing import choose
from cnn_bench.pretrained.published import published, recognised
from cnn_bench.pretrained.read import read
from cnn_bench.trained import imported
from cnn_bench.trained.class_names import default_class_names
from cnn_bench.trained.model import Origin, TrainedModel

ROOM = 8  # as many numbers as the network has may be in a file: of an optimiser, of averaged weights, of other heads


def import_weights(
    arch: str,
    file: str | Path,
    directory: str | Path,
    library: str | None = None,
    num_classes: int | None = None,
    class_names: tuple[str, ...] | None = None,
    tag: str | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    use: str | None = None,
) -> TrainedModel:
    """Read `file`, convert it for `arch` and write it to the new `directory`, whole or not at all.

    The `library` whose names the file uses is guessed unless given: from the names and, where several libraries have
    the same, from the published set that the file is. The record's `library_may_be` names those that are as likely and
    have another network. `num_classes` is that of the file's head unless given; where the file has no head, the network
    has none and is a base for transfer. `class_names` are those of ImageNet for 1,000 classes. `use`, 'raw' or 'ema',
    chooses where the file has weights and an average of them. Weights for grey images make a network for them. The
    preprocessing is that of the published set which the file is, or which is called `tag`; fields that `preprocessing`
    gives replace its own (see `preprocessing.choose`). Raises UserError for whatever does not fit.
    """
    directory = Path(directory).absolute()
    imported.check_new(directory)
    classes = {} if num_classes is None else {'num_classes': num_classes}
    found, naming = read(file, ROOM * count_values(arch, **classes), use)
    facts, alike = _file(Path(file)), []
    if library is None:
        library, *alike = _libraries(arch, fitting_libraries(arch, found.arrays, naming), file, facts['sha256'], tag)
    classes = classes or {'num_classes': deduce.num_classes(arch, found.arrays, library)}
    channels = deduce.channels(arch, found.arrays, library)
    choice = choose(arch, library, Path(file), facts['sha256'], tag, preprocessing, channels)
    variables = convert(arch, found.arrays, library, choice.preprocessing.input_shape, **classes)
    layout, module = layout_of(arch, library), build(arch, library, **classes)
    origin = Origin(
        path=str(directory),
        kind='weights',
        arch=arch,
        fields={'num_classes': module.num_classes, **layout.fields},
        digest=digest(variables),
        source={
            'library': library,
            'library_may_be': alike,
            **facts,
            **found.record(),
            'preprocessing': choice.source,
            'preprocessing_guessed': choice.guessed,
        },
    )
    model = TrainedModel(module, variables, choice.preprocessing, default_class_names(module.num_classes), origin)
    model = model if class_names is None else model.with_class_names(class_names)
    imported.save(model, directory)
    return model


def _libraries(arch: str, fitting: list[str], file: str | Path, sha256: str, tag: str | None) -> list[str]:
    """The library to take, and others of the `fitting` ones that have another network and are as likely."""
    for library in fitting:
        tagged = any(each.is_called(tag) for each in published(arch, library))
        if tagged or recognised(arch, library, Path(file), sha256):
            return [library]
    taken, *others = fitting
    return [taken, *(other for other in others if build(arch, other) != build(arch, taken))]


def _file(path: Path) -> dict[str, Any]:
    with open(path, 'rb') as content:
        sha256 = hashlib.file_digest(content, 'sha256').hexdigest()
    return {'file': path.name, 'bytes': path.stat().st_size, 'sha256': sha256}
