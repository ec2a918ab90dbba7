"""The images that a recipe trains on, validates on and tests on."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cnn_bench import data
from cnn_bench.errors import UserError, unknown

TRAIN, VALIDATION, TEST = 'train', 'validation', 'test'  # fields of config.dataset, each with the name of a split


class Splits:
    """The three parts of a data set that a recipe's `dataset` names. No two of them share an image.

    `splits['validation']` is a Split. Validation images that are held out of the training images are taken from them
    first, and `train_images` counts those that remain.

    Attributes: info (of the data set, or of the classes that are kept), sizes (part -> number of images, for the parts
    that the recipe has).
    """

    def __init__(self, fields: Mapping[str, Any], data_dir: str | None = None):
        """Reads labels only where the recipe keeps some of the classes. Raises UserError where the parts do not fit."""
        self._fields, self._data_dir = fields, data_dir
        self._whole: dict[str, data.Split] = {}
        self.info = data.info(fields['name'], data_dir).of_classes(fields['classes'])
        self._check_names()
        self.sizes = {part: self._size(part) for part in (VALIDATION, TRAIN, TEST) if self._has(part)}

    def __getitem__(self, part: str) -> data.Split:
        images = self._fields[f'{part}_images']
        if self._holds_out and part == VALIDATION:
            return self._train_and_held_out[1]
        split = self._train_and_held_out[0] if self._holds_out and part == TRAIN else self._open(self._fields[part])
        return split.sample(images) if images else split

    @property
    def _holds_out(self) -> bool:
        """Whether validation images are held out of the training split."""
        return bool(self._fields['validation_images'] and not self._fields[VALIDATION])

    def _has(self, part: str) -> bool:
        return bool(self._fields[part]) or (part == VALIDATION and self._holds_out)

    def _check_names(self) -> None:
        named: dict[str, str] = {}
        for part in (TRAIN, VALIDATION, TEST):
            name = self._fields[part]
            if name in named:
                cure = 'validation_images alone holds images out of the training split' if part == VALIDATION else ''
                raise UserError(
                    f'config.dataset.{named[name]} and {part} are both {name!r}; {cure or "they must not share images"}'
                )
            if name or part == TRAIN:
                if name not in self.info.sizes:
                    raise unknown(f'split of {self.info.name}', name, self.info.sizes)
                named[name] = part

    def _size(self, part: str) -> int:
        """How many images the part has. Raises UserError where the split has fewer than the recipe asks for."""
        wanted = self._fields[f'{part}_images']
        held_out = self._holds_out and part in (TRAIN, VALIDATION)
        there = self._count(self._fields[TRAIN if held_out else part])
        besides = ''
        if held_out and part == VALIDATION:
            there -= 1  # one has to be left to train on
        elif held_out:
            there -= self._fields['validation_images']
            besides = f' besides the {self._fields["validation_images"]} that are held out'
        if wanted > there:
            raise UserError(f'config.dataset.{part}_images is {wanted}; {self.info.name} has at most {there}{besides}')
        return wanted or there

    def _count(self, name: str) -> int:
        return len(self._open(name)) if self._fields['classes'] else self.info.sizes[name]

    def _open(self, name: str) -> data.Split:
        """The split of that name, with the classes that are kept."""
        if name not in self._whole:
            split = data.open_split(self._fields['name'], name, self._data_dir)
            self._whole[name] = split.only(self._fields['classes']) if self._fields['classes'] else split
        return self._whole[name]

    @cached_property
    def _train_and_held_out(self) -> tuple[data.Split, data.Split]:
        return self._open(self._fields[TRAIN]).hold_out(self._fields['validation_images'])
