"""A trained network with all that it takes to use it: from a run directory, or from imported weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from PIL import Image

from cnn_bench.errors import UserError
from cnn_bench.inference import pictures
from cnn_bench.pretrained import store
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import weights as imported
from cnn_bench.training.restore import restore
from cnn_bench.training.task import Task


@dataclass(frozen=True, eq=False)  # one of its own each: arrays have no equality that a cache could use
class Network:
    """A network, its weights, and how images are made ready for it."""

    arch: str
    module: nn.Module
    variables: dict[str, Any]  # what `module.apply` takes first
    input_shape: tuple[int, int, int]  # (h, w, c) of one image
    preprocess: Callable[[jax.Array], jax.Array]  # images (n, h, w, c) from 0 to 255 -> what the module takes
    crop_fraction: float  # of an image's shorter side, that is cropped from its centre and resized to the input's
    class_names: tuple[str, ...]
    source: str  # where the weights are from, for people
    dataset: str | None = None  # that it was trained on; None for imported weights
    interpolation: str = 'bilinear'  # of resizing

    def logits(self, images: Any, variables: Any = None) -> jax.Array:
        """(n, classes) float32 of images (n, h, w, c) from 0 to 255.

        `variables` are the network's own unless given: a compiled function should take them as an argument, or the
        compiler makes constants of them.
        """
        variables = self.variables if variables is None else variables
        return self.module.apply(variables, self.preprocess(jnp.asarray(images)), train=False)

    def check_image(self, image: Any) -> None:
        """Raise UserError unless `image` is one image of the network's size, from 0 to 255."""
        shape = getattr(image, 'shape', ())
        if shape != self.input_shape:
            wanted, given = ('x'.join(map(str, sides)) for sides in (self.input_shape, shape))
            given = given or type(image).__name__
            raise UserError(
                f'{self.arch} takes an image of {wanted}, not {given}; `Network.fit` makes one of any other'
            )

    def read(self, path: str | Path) -> np.ndarray:
        """The picture in a file as the network takes it, uint8 (h, w, c). Raises `pictures.Refused`."""
        return pictures.read(path, self.input_shape, self.crop_fraction, self.interpolation)

    def fit(self, image: np.ndarray) -> np.ndarray:
        """An image uint8 (h, w, c) of any size, c 1 or 3, cropped and resized as the network takes it."""
        picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
        return pictures.fit(picture, self.input_shape, self.crop_fraction, self.interpolation)

    def called(self, class_names: tuple[str, ...]) -> 'Network':
        """The same network, its classes with other names. Raises UserError for another number of them."""
        if len(class_names) != len(self.class_names):
            raise UserError(f'{len(class_names)} class names for a network of {len(self.class_names)} classes')
        return replace(self, class_names=class_names)


def load(
    workdir: str | Path | None = None,
    weights: str | Path | None = None,
    data_dir: str | None = None,
    classes: str | Path | None = None,
) -> Network:
    """The Network of the run in `workdir`, at its newest checkpoint, or of the imported `weights`.

    A run's images are prepared as its data set's facts say, so that the set must be there (in `data_dir`); its weights
    are those of the last step, not their average. Imported weights have the preprocessing of their record, and classes
    called by number unless a file `classes` has a name a line. Raises UserError for whatever is missing or damaged.
    """
    if (workdir is None) == (weights is None):
        raise UserError('give a run directory or imported weights, one of them')
    network = _of_weights(Path(weights)) if workdir is None else _of_run(RunDirectory(workdir), data_dir)
    output = jax.eval_shape(network.logits, jax.ShapeDtypeStruct((1, *network.input_shape), jnp.uint8))
    if output.ndim != 2 or not network.class_names:
        raise UserError(f'{network.arch} from {network.source} tells no classes apart')
    return network.called(read_classes(classes)) if classes is not None else network


def read_classes(file: str | Path) -> tuple[str, ...]:
    """The names in a file of one a line; empty lines at its end don't count. Raises UserError where it has none."""
    try:
        text = Path(file).read_text(encoding='utf-8-sig').rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f'class names {file} cannot be read: {getattr(error, "strerror", None) or error}') from error
    names = tuple(line.strip() for line in text.split('\n'))
    if '' in names:
        raise UserError(f'class names {file}: line {names.index("") + 1} is empty; a name a line is wanted')
    return names


def _of_run(run: RunDirectory, data_dir: str | None) -> Network:
    task, state = restore(run, data_dir, devices=1)
    trained_on = (run.read(schema.PROVENANCE) or {}).get('data', {}).get('fingerprint')
    if trained_on not in (None, task.info.fingerprint):
        raise UserError(f'{run.path} was trained on other data than {task.info.name} is now; give its own --data-dir')
    return Network(
        arch=task.config.model.arch,
        module=task.model.clone(bn_axis=None),  # used outside of any mapped axis
        variables=state.variables,
        input_shape=tuple(task.image_shape),
        preprocess=task.preprocess,
        crop_fraction=1.0 if _as_stored(task) else task.config.crop.crop_fraction,
        class_names=tuple(task.info.class_names),
        source=f'{run.path} at step {int(state.step)}, trained on {task.info.name}',
        dataset=task.info.name,
        interpolation=task.interpolation,
    )


def _as_stored(task: Task) -> bool:
    """Whether the network is evaluated on whole images of its data set."""
    stored = task.info.image_shape
    return stored is not None and tuple(stored[:2]) == tuple(task.image_shape[:2])


def _of_weights(directory: Path) -> Network:
    record, variables = store.load(directory)
    return Network(
        arch=record.arch,
        module=record.module(),
        variables=variables,
        input_shape=tuple(record.input_shape),
        preprocess=imported.preprocess(record),
        crop_fraction=imported.crop_fraction(record),
        class_names=tuple(f'class {number}' for number in range(record.fields['num_classes'])),
        source=f'{directory}, {record.source["file"]} of {record.origin}',
        interpolation=record.preprocessing.interpolation,
    )
