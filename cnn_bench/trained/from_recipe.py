"""The network that a recipe trains: its architecture, its preprocessing and its classes."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cnn_bench import data
from cnn_bench.data.preprocessing import Preprocessing, resize_of_fraction
from cnn_bench.errors import UserError
from cnn_bench.trained.model import TrainedModel

# Fields of a network that change how it is trained, not what it computes: they are not taken over from first weights.
TRAINING_FIELDS = (
    *('dropout', 'aux_dropout', 'drop_path', 'dtype', 'bn_momentum', 'bn_axis', 'kernel_init', 'aux', 'num_classes'),
)


def network_record(config: ConfigDict, info: data.Info, init: TrainedModel | None = None) -> dict[str, Any]:
    """What `trained.model.from_record` needs to know of the network that a recipe trains on a data set.

    `init` is the network that training starts from; it fills in what the recipe leaves open. Raises UserError where
    the two contradict.
    """
    fields = model_fields(config.model, init)
    return {
        'arch': fields.pop('arch'),
        'fields': {**fields, 'num_classes': info.num_classes},
        'preprocessing': dataclasses.asdict(preprocessing(config, info, init)),
        'class_names': list(info.class_names),
    }


def model_fields(fields: Mapping[str, Any], init: TrainedModel | None = None) -> dict[str, Any]:
    """A recipe's `model`: the architecture and the fields of its module."""
    given = {name: value for name, value in fields.items() if value is not None}
    inherited = init.origin.fields if init else {}
    return {**{name: value for name, value in inherited.items() if name not in TRAINING_FIELDS}, **given}


def preprocessing(config: ConfigDict, info: data.Info, init: TrainedModel | None = None) -> Preprocessing:
    """The preprocessing of a recipe's images: normalised as `init` was, or by the data set's mean and deviation.

    Images that are stored at the size of the network's input are used whole; others are cropped as the recipe says.
    """
    shape = input_shape(config.dataset, info, init.input_shape if init else None)
    known = init.preprocessing if init else None
    as_stored = info.image_shape and shape[:2] == info.image_shape[:2]
    return Preprocessing(
        input_shape=shape,
        mean=known.mean if known else info.mean,
        std=known.std if known else info.std,
        interpolation=known.interpolation if known else 'bilinear',
        resize=None if as_stored else resize_of_fraction(min(shape[:2]), config.crop.crop_fraction),
    )


def input_shape(
    dataset: Mapping[str, Any], info: data.Info, expected: tuple[int, int, int] | None = None
) -> tuple[int, int, int]:
    """(h, w, c) of what the network takes, from a recipe's `dataset`.

    `expected` is the shape that the first weights were trained with: it decides where the recipe does not. Raises
    UserError where the recipe must decide, or colours would be lost.
    """
    channels = expected[2] if expected else info.channels
    if channels != info.channels != 1:
        raise UserError(f'config.init_from: its weights take {channels} channels; {info.name} has {info.channels}')
    if dataset['size']:
        return (dataset['size'], dataset['size'], channels)
    height, width = (expected or info.image_shape or (0, 0))[:2]
    if not height:
        raise UserError(f'{info.name} holds images of several sizes; set config.dataset.size, e.g. 224')
    return (height, width, channels)
