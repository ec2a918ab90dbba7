"""Evaluation of imported weights on a data set."""

from functools import partial
from pathlib import Path

from cnn_bench import data, recipe
from cnn_bench.data.augment import normalise
from cnn_bench.errors import UserError
from cnn_bench.pretrained import store
from cnn_bench.runtime import parallel
from cnn_bench.training import step
from cnn_bench.training.evaluate import evaluate
from cnn_bench.training.feed import make_feed


def evaluate_weights(
    directory: str | Path, dataset: str, split: str = 'test', data_dir: str | None = None, batch_size: int = 64
) -> dict:
    """Metrics of imported weights on one split of a data set, prepared as the weights' record says.

    Images are resized so that their shorter side is the library's (or 1 / 0.875 of the network's own) and
    centre-cropped, unless they have the network's size; greys are repeated for a network of colours. Raises UserError
    where classes do not match or colours would be lost.
    """
    record, variables = store.load(directory)
    devices = parallel.local_devices(0)
    if batch_size < 1 or batch_size % len(devices):
        raise UserError(f'the batch size is {batch_size}; it must be positive and divide by the {len(devices)} devices')
    config = recipe.base()
    config.crop.crop_fraction = crop_fraction(record)
    _check_fits(record, data.info(dataset, data_dir))
    images = data.open_split(dataset, split, data_dir)
    feed = make_feed(config, images, devices, record.input_shape[0], record.preprocessing.interpolation)
    one = partial(step.eval_step, model=record.module(), preprocess=preprocess(record), pick=feed.pick)
    compiled = parallel.over_devices(one, devices, 'jit')
    result = evaluate(compiled, parallel.replicate(variables, devices), feed, batch_size)
    return {'arch': record.arch, 'weights': record.source['file'], 'dataset': dataset, 'split': split, **result.metrics}


def preprocess(record: store.Record) -> step.Preprocess:
    """uint8 images (n, h, w, c) -> what imported weights take."""
    return partial(normalise, mean=record.preprocessing.mean, std=record.preprocessing.std)


def crop_fraction(record: store.Record) -> float:
    """The side of the centre crop that imported weights take, as a fraction of an image's shorter side."""
    resize = record.preprocessing.resize
    return record.input_shape[0] / resize if resize else recipe.base().crop.crop_fraction


def _check_fits(record: store.Record, info: data.Info) -> None:
    classes = record.fields['num_classes']
    if classes != info.num_classes:
        raise UserError(f'the weights tell {classes} classes apart; {info.name} has {info.num_classes}')
    if info.channels not in (record.input_shape[2], 1):
        raise UserError(f'the weights take {record.input_shape[2]} channels; {info.name} has {info.channels}')
