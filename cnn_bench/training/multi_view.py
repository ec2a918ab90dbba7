"""The evaluation step of several views of every image: logits of each view, and one prediction from them all."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.errors
import jax
import jax.numpy as jnp
from flax import linen as nn

from cnn_bench.errors import UserError
from cnn_bench.models.blocks import DenseHead
from cnn_bench.models.variables import variable_shapes
from cnn_bench.runtime import parallel
from cnn_bench.tasks.classification import prediction_sums
from cnn_bench.tasks.task import Evaluated
from cnn_bench.training.protocol import LOGITS, Protocol
from cnn_bench.training.step import Preprocess, summed_up


def compiled_view_step(
    model: nn.Module, preprocess: Preprocess, protocol: Protocol, devices: list[jax.Device], mode: str = 'jit'
) -> Callable:
    """(variables, (), batch) -> (sums, log-probabilities) as of a compiled `eval_step`, for a batch of `ViewBatches`.

    The views of each scale are one call, so that a program is compiled per shape of pictures and number of images.
    """
    options = {'model': model, 'preprocess': preprocess, 'flip': protocol.flip}
    window = None if protocol.crops else head_window(model, protocol.preprocessing.input_shape)
    of_views = parallel.over_devices(partial(view_logits, **options, window=window), devices, mode)
    of_images = parallel.over_devices(partial(averaged, average=protocol.average), devices, mode)

    def step(variables, shared, batch):
        logits = tuple(of_views(variables, (), images)[1] for images in batch['image'])
        return of_images((), (), {'logits': logits, 'label': batch['label']})

    return step


def view_logits(
    variables: Any,
    shared: tuple,
    images: jax.Array,
    *,
    model: nn.Module,
    preprocess: Preprocess,
    flip: bool,
    window: tuple[int, int] | None,
) -> tuple[tuple, jax.Array]:
    """An empty tuple, and logits (n, views, classes) float32 of images uint8 (n, views, h, w, c).

    With `flip`, those of the mirrored views follow, (n, 2 x views, classes). With `window`, the head is applied at
    every position of the feature map (`dense_logits`). Raises UserError where the network does not take their size.
    """
    count, views = images.shape[:2]
    flat = images.reshape(count * views, *images.shape[2:])
    if flip:
        flat = jnp.concatenate([flat, flat[:, :, ::-1]])
    inputs = preprocess(flat)
    try:
        if window is None:
            logits = model.apply(variables, inputs, train=False)
        else:
            logits = model.apply(variables, inputs, window, method=dense_logits)
    except flax.errors.ScopeParamShapeError:
        size = 'x'.join(map(str, images.shape[2:4]))
        raise UserError(f'{type(model).__name__} has weights for another size than {size}') from None
    if logits.ndim != 2:
        raise UserError(f'{type(model).__name__} has no classes')
    logits = logits.astype(jnp.float32).reshape(-1, count, views, logits.shape[-1])
    return (), jnp.moveaxis(logits, 0, 1).reshape(count, -1, logits.shape[-1])


def dense_logits(module: nn.Module, images: jax.Array, window: tuple[int, int]) -> jax.Array:
    """Logits (n, classes) of a network whose head takes feature maps of `window` (h, w) only: the mean over all its
    positions on the map of larger images, as if its first dense layer were a convolution (Simonyan, Zisserman 2014)."""
    found = windows(module.features(images, False), window)
    logits = module.head(found.reshape(-1, *found.shape[2:]), False).astype(jnp.float32)
    return logits.reshape(*found.shape[:2], -1).mean(axis=1)


def windows(maps: jax.Array, window: tuple[int, int]) -> jax.Array:
    """All windows of `window` (h, w) in maps (n, H, W, c), row by row: (n, (H - h + 1) x (W - w + 1), h, w, c)."""
    (rows, columns) = (
        jnp.arange(side - own + 1)[:, None] + jnp.arange(own) for side, own in zip(maps.shape[1:3], window, strict=True)
    )
    found = maps[:, rows[:, None, :, None], columns[None, :, None, :]]  # (n, places down, places across, h, w, c)
    return found.reshape(len(maps), -1, *found.shape[3:])


def head_window(model: nn.Module, input_shape: Sequence[int]) -> tuple[int, int] | None:
    """Height and width of the only feature map that the network's head takes, that of images of `input_shape`, where
    the head flattens it; None for heads that take any."""
    if not flattens(model):
        return None
    images = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    features = partial(model.apply, train=False, method='features')
    return jax.eval_shape(features, variable_shapes(model, tuple(input_shape)), images).shape[1:3]


def flattens(model: nn.Module) -> bool:
    """Whether the network's head has dense layers on a flattened feature map, as VGG's and AlexNet's."""
    head = getattr(model.bind({}), 'head', None)
    return isinstance(head, DenseHead) and not head.pooled


def averaged(
    variables: tuple, shared: tuple, batch: dict[str, Any], *, average: str
) -> tuple[dict[str, jax.Array], jax.Array]:
    """`prediction_sums` of the views' average, and its log-probabilities (n, classes).

    `batch` holds labels (n,) and a tuple of logits (n, views, classes), whose views count alike. Averaged are the
    logits, or the probabilities, which their logarithms do without underflow.
    """
    logits = jnp.concatenate(batch['logits'], axis=1)
    if average == LOGITS:
        log_probs = jax.nn.log_softmax(logits.mean(axis=1))
    else:
        log_probs = jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=1) - jnp.log(logits.shape[1])
    finite = jnp.isfinite(logits).all(axis=(1, 2))
    return summed_up(Evaluated(prediction_sums(log_probs, batch['label'], finite), log_probs))
