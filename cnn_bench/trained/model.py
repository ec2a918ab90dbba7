"""A trained network as one value, and its record in JSON files."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from cnn_bench.data import pictures
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.trained.class_names import default_class_names
from cnn_bench.trained.folding import fold


@dataclass(frozen=True)
class Origin:
    """Where a trained network comes from."""

    path: str  # the directory of the run or of the imported weights
    kind: str  # 'run' or 'weights'
    arch: str
    fields: Mapping[str, Any]  # arguments of `registry.build`: num_classes, width, ...
    digest: str  # sha256 of the variables
    source: Mapping[str, Any]  # of a run: step, dataset; of imported weights: library, file, bytes, sha256, ...

    def __str__(self) -> str:
        if self.kind == 'run':
            return f'{self.path} at step {self.source["step"]}, trained on {self.source["dataset"]}'
        return f'{self.path}, {self.source["file"]} of {self.source["library"]}'


@dataclass(frozen=True, eq=False)  # arrays have no equality that a cache could use
class TrainedModel:
    """A network, its weights, how images are prepared for it, its classes, and where it comes from."""

    module: nn.Module
    variables: dict[str, Any] | None  # the first argument of `module.apply`; None where only the record was read
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    origin: Origin

    @property
    def arch(self) -> str:
        """The architecture's name in the registry."""
        return self.origin.arch

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(h, w, c) of the images that the network takes."""
        return self.preprocessing.input_shape

    @property
    def dtype(self) -> str:
        """The name of the dtype that the network computes in."""
        return jnp.dtype(self.module.dtype).name

    def preprocess(self, images: Any) -> jax.Array:
        """Images (n, h, w, c) of the network's size, from 0 to 255 -> what the module takes."""
        return self.preprocessing.normalise(jnp.asarray(images), self.module.dtype)

    def logits(self, images: Any, variables: Any = None) -> jax.Array:
        """(n, classes) of images (n, h, w, c) of the network's size, from 0 to 255.

        A compiled function should take `variables` as an argument and pass them here: otherwise the compiler makes
        constants of the network's own.
        """
        variables = self.variables if variables is None else variables
        return self.module.apply(variables, self.preprocess(images), train=False)

    def folded(self, keep: str = '') -> 'TrainedModel':
        """The same network for evaluation: batch norms folded into the layers before them, branches fused, all weights
        on the device.

        All outputs are the same up to rounding, but for those of folded layers; `keep` names a layer that is not to be
        folded (see `folding.fold`).
        """
        module, variables = fold(self.module, self.variables, self.input_shape, keep)
        return replace(self, module=module, variables=jax.tree.map(jnp.asarray, variables))

    def computing_in(self, dtype: str | None) -> 'TrainedModel':
        """The same network computing in the dtype of that name; None: as it is. Its weights and logits stay float32.

        Raises UserError for a network without a `dtype`, and for an unknown one.
        """
        if dtype is None:
            return self
        fields = {**self.origin.fields, 'dtype': dtype}
        return replace(self, module=registry.build(self.arch, **fields), origin=replace(self.origin, fields=fields))

    def check_image(self, image: Any) -> None:
        """Raise UserError unless `image` is one image of the network's size."""
        shape = getattr(image, 'shape', ())
        if shape != self.input_shape:
            expected, given = ('x'.join(map(str, sides)) for sides in (self.input_shape, shape))
            given = given or type(image).__name__
            raise UserError(f'{self.arch} takes an image of {expected}, not {given}; `TrainedModel.fit` makes one')

    def read(self, path: str | Path) -> np.ndarray:
        """The picture in a file, cropped and resized for the network, uint8 (h, w, c). Raises `pictures.Refused`."""
        return self.preprocessing.crop(pictures.read(path, self.input_shape[2]))

    def fit(self, image: np.ndarray) -> np.ndarray:
        """An image uint8 (h, w, c) of any size, c 1 or 3, cropped and resized for the network."""
        return self.preprocessing.crop(pictures.with_channels(image, self.input_shape[2]))

    def with_class_names(self, class_names: tuple[str, ...]) -> 'TrainedModel':
        """The same network with other names for its classes. Raises UserError for a wrong number of names."""
        if len(class_names) != len(self.class_names):
            raise UserError(f'{len(class_names)} class names for a network of {len(self.class_names)} classes')
        return replace(self, class_names=class_names)

    def record(self) -> dict[str, Any]:
        """Everything but the weights, in JSON types."""
        return {
            **dataclasses.asdict(self.origin),
            'preprocessing': dataclasses.asdict(self.preprocessing),
            'class_names': list(self.class_names),
        }


def from_record(record: Mapping[str, Any], variables: dict[str, Any] | None = None) -> TrainedModel:
    """The network of a `record`, with its weights where they are given. Records of earlier versions are understood.

    Raises UserError for a record that does not describe a network.
    """
    try:
        return _from_record(dict(record), variables)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f'{type(error).__name__}: {error}'
        raise UserError(f'the record of {record.get("path", "a network")} does not describe one ({why})') from error


def _from_record(record: dict[str, Any], variables: dict[str, Any] | None) -> TrainedModel:
    if 'preprocessing' not in record:  # earlier versions kept it flat, with one more field
        names = ('input_shape', 'mean', 'std', 'interpolation')
        record['preprocessing'] = {name: record.pop(name) for name in names if name in record}
        record['fields'] = {**record['fields'], 'num_classes': record.pop('num_classes')}
    preprocessing = Preprocessing.from_record(record.pop('preprocessing'))
    record['fields'] = {name: _with_tuples(value) for name, value in record['fields'].items()}
    names = tuple(record.pop('class_names', ())) or default_class_names(record['fields']['num_classes'])
    origin = Origin(**record)
    return TrainedModel(registry.build(origin.arch, **origin.fields), variables, preprocessing, names, origin)


def check_classifies(model: TrainedModel) -> None:
    """Raise UserError unless the network gives one logit per class, as one without a head does not."""
    if not model.origin.fields.get('num_classes', True):
        raise UserError(f'{model.arch} from {model.origin} has no head; train one with --config.init_from')
    image = jax.ShapeDtypeStruct((1, *model.input_shape), jnp.uint8)
    logits = jax.eval_shape(partial(_logits, model), model.variables, image)
    if logits.ndim != 2 or not model.class_names:
        raise UserError(f'{model.arch} from {model.origin} does not classify')


def _logits(model: TrainedModel, variables: Any, images: jax.Array) -> jax.Array:
    return model.logits(images, variables)


def _with_tuples(value: Any) -> Any:
    """`value` with every list as a tuple: fields of a module are tuples, which JSON does not have."""
    return tuple(map(_with_tuples, value)) if isinstance(value, list | tuple) else value
