"""Which preprocessing a file of weights gets: that of the published set that it is, a stated guess, or as asked."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.pretrained.layout import layout_of
from cnn_bench.pretrained.published import published, recognised, tagged

FIELDS = ('resize', 'crop', 'interpolation', 'mean', 'std')  # that a user may give; `crop` is the side of the crop


@dataclass(frozen=True)
class Choice:
    """A preprocessing, where it is from in words, and whether it is a guess."""

    preprocessing: Preprocessing
    source: str
    guessed: bool = False


def choose(
    arch: str,
    library: str,
    file: Path,
    sha256: str,
    tag: str | None = None,
    given: Mapping[str, Any] | None = None,
    channels: int | None = None,
) -> Choice:
    """The preprocessing of the weights in `file`.

    It is that of the published set called `tag`, else of the one that the file is (see `published.recognised`), else a
    guess: that of the library's first set of the architecture, or its usual one. Where the weights take another number
    of `channels`, each gets the mean of that set's means, and of its deviations. Fields of `given` (FIELDS) replace its
    own. Raises UserError for an unknown tag and for fields that do not fit.
    """
    choice = _of_channels(_published(arch, library, file, sha256, tag), channels)
    given = {name: value for name, value in (given or {}).items() if value is not None}
    if not given:
        return choice
    words = f'{choice.source}, but for {", ".join(given)} as given'
    guessed = choice.guessed and not {'resize', 'interpolation', 'mean', 'std'} <= set(given)
    return Choice(_changed(choice.preprocessing, given), words, guessed)


def _of_channels(choice: Choice, channels: int | None) -> Choice:
    known = choice.preprocessing
    if channels in (None, known.input_shape[2]):
        return choice
    mean, std = ((sum(values) / len(values),) * channels for values in (known.mean, known.std))
    shape = (*known.size, channels)
    look = replace(known, input_shape=shape, mean=mean, std=std)
    return Choice(look, f'{choice.source}, means over its channels', guessed=True)


def _published(arch: str, library: str, file: Path, sha256: str, tag: str | None) -> Choice:
    if tag is not None:
        found = tagged(arch, library, tag)
        return Choice(found.preprocessing, f'{found}, named by its tag')
    known = recognised(arch, library, file, sha256)
    if known:
        found, by = known
        return Choice(found.preprocessing, f'{found}, known by its {by}')
    sets = published(arch, library)
    if sets:
        return Choice(sets[0].preprocessing, f'a guess: that of {sets[0]}', guessed=True)
    look = layout_of(arch, library).transform.for_input(registry.get(arch).input_shape)
    return Choice(look, f'a guess: the usual one of {library}', guessed=True)


def _changed(known: Preprocessing, given: Mapping[str, Any]) -> Preprocessing:
    """The known preprocessing with the given fields; a crop of another size keeps its share of the image."""
    fields = {name: value for name, value in given.items() if name != 'crop'}
    if 'crop' in given:
        crop = given['crop']
        fields['input_shape'] = (crop, crop, known.input_shape[2])
        if known.resize and 'resize' not in given:
            fields['resize'] = round(known.resize * crop / min(known.size))
    for name in ('mean', 'std'):
        if len(fields.get(name, known.mean)) != len(known.mean):
            raise UserError(f'--{name} has {len(fields[name])} numbers; images here have {len(known.mean)} channels')
    if not all(fields.get('std', known.std)):
        raise UserError('--std has a 0; it divides')
    try:
        return replace(known, **fields)
    except ValueError as error:
        raise UserError(f'the preprocessing cannot be: {error}') from None


def in_words(preprocessing: Preprocessing) -> str:
    """A preprocessing in one line: '224x224 from shorter side 256, bilinear, mean ..., std ...'."""
    look = dataclasses.asdict(preprocessing)
    size = 'x'.join(map(str, preprocessing.size))
    side = look['resize'] or min(preprocessing.size)
    squashed = 'squashed' if side == min(preprocessing.size) else f'from the image squashed to {side}'
    how = squashed if look['squash'] else f'from shorter side {side}'
    mean, std = (' '.join(f'{value:.4g}' for value in look[name]) for name in ('mean', 'std'))
    return f'{size} {how}, {look["interpolation"]}, mean {mean}, std {std}'
