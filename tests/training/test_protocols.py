"""Evaluation by the published protocols equals loops over one image and one view at a time."""

import dataclasses
from collections.abc import Callable
from functools import cache, partial

import jax
import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from cnn_bench import data
from cnn_bench.data.prepare import prepare
from cnn_bench.data.preprocessing import Preprocessing
from cnn_bench.errors import UserError
from cnn_bench.models.blocks import Classifier, DenseHead
from cnn_bench.models.variables import init_variables
from cnn_bench.runtime import parallel
from cnn_bench.tasks import Classification
from cnn_bench.training.evaluate import evaluate
from cnn_bench.training.multi_view import compiled_view_step, flattens, windows
from cnn_bench.training.protocol import Asked, Protocol, resolve
from cnn_bench.training.view_batches import ViewBatches

SIZE, CLASSES = 16, 3
SHAPES = ((24, 30), (30, 24), (20, 20), (24, 30), (31, 25), (24, 30), (18, 40))  # stored images (h, w)
PREPROCESSING = Preprocessing((SIZE, SIZE, 3), (0.5, 0.4, 0.3), (0.2, 0.3, 0.25), 'bilinear', 20)


class Pooled(Classifier):
    """A convolution with stride 4, its mean, a dense layer."""

    num_classes: int = CLASSES

    def setup(self):
        self.first = self.conv_norm_act(False, use_bias=True)(4, 5, 4)
        super().setup()

    def features(self, x, train=False):
        return self.first(x)


class Flat(Pooled):
    """The same convolution, and a hidden dense layer on its 4x4 map."""

    def make_head(self):
        return DenseHead(self.num_classes, (6,), 0.0, self.dense, self.act)


@pytest.fixture(scope='module')
def split(tmp_path_factory):
    directory, generator = tmp_path_factory.mktemp('set'), np.random.default_rng(0)
    for part in ('train', 'test'):
        for number, shape in enumerate(SHAPES):
            pixels = generator.integers(0, 256, (*shape, 3), np.uint8)
            save_image(directory / 'images' / part / 'abc'[number % CLASSES] / f'{number}.png', pixels)
    prepare('set', directory / 'images', directory / 'data')
    return data.open_split('set', 'test', str(directory / 'data'))


@cache
def network(kind: type[Classifier]) -> tuple[Classifier, dict]:
    return kind(), init_variables(kind(), (SIZE, SIZE, 3), seed=0)


@cache
def applied(kind: type[Classifier]) -> Callable:
    model, variables = network(kind)
    return jax.jit(lambda image: model.apply(variables, image[None])[0])


def measured(kind, split, asked: Asked, devices: int = 1, batch_size: int = 4):
    model, variables = network(kind)
    protocol = resolve(asked, PREPROCESSING, flattens(model))
    used = jax.local_devices()[:devices]
    preprocess = partial(PREPROCESSING.normalise, dtype=np.float32)
    step = compiled_view_step(model, preprocess, protocol, used)
    return evaluate(
        Classification(), step, parallel.replicate(variables, used), ViewBatches(split, used, protocol), batch_size
    )


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """The picture with its shorter side resized to `side`, the longer one cut to whole pixels."""
    height, width = image.shape[:2]
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def logits_of(kind, picture: np.ndarray) -> np.ndarray:
    """Of one picture as large as the network's input, or larger where it takes that."""
    normalised = (picture / 255 - np.array(PREPROCESSING.mean)) / np.array(PREPROCESSING.std)
    return np.asarray(applied(kind)(normalised.astype(np.float32))).astype(float)


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


def ten_crops(image: np.ndarray) -> list[np.ndarray]:
    picture = resized(image, 20)
    top, left = round((picture.shape[0] - 20) / 2), round((picture.shape[1] - 20) / 2)
    square = picture[top : top + 20, left : left + 20]
    crops = [square[:16, :16], square[:16, -16:], square[-16:, :16], square[-16:, -16:], square[2:18, 2:18]]
    return [*crops, *(crop[:, ::-1] for crop in crops)]


@pytest.mark.parametrize('devices', [1, 4])
def test_ten_crops_equal_a_loop(split, devices):
    if jax.local_device_count() < devices:
        pytest.skip('needs four devices')
    found = measured(Flat, split, Asked(crops=10), devices)
    for index, log_probs in enumerate(found.each):
        probs = np.mean([softmax(logits_of(Flat, crop)) for crop in ten_crops(split[index]['image'])], axis=0)
        np.testing.assert_allclose(np.exp(log_probs), probs, atol=1e-6)
        assert found.targets[index] == split[index]['label']
    nll = -found.each[np.arange(len(SHAPES)), found.targets].astype(float)
    assert found.metrics['images'] == len(SHAPES)
    assert found.metrics['loss'] == pytest.approx(nll.mean(), abs=1e-6)
    wrong = found.each.argmax(1) != found.targets
    assert found.metrics['top1_err_pct'] == pytest.approx(100 * wrong.mean())


def test_logits_are_averaged_where_that_is_asked_for(split):
    found = measured(Flat, split, Asked(crops=10, average='logits'))
    means = [np.mean([logits_of(Flat, c) for c in ten_crops(split[i]['image'])], axis=0) for i in range(len(SHAPES))]
    np.testing.assert_allclose(np.exp(found.each), np.stack([softmax(mean) for mean in means]), atol=1e-6)
    by_probability = measured(Flat, split, Asked(crops=10))
    assert abs(np.exp(found.each) - np.exp(by_probability.each)).max() > 1e-3


def test_a_single_crop_and_its_mirror(split):
    found = measured(Flat, split, Asked(flip=True))
    for index, log_probs in enumerate(found.each):
        crop = ten_crops(split[index]['image'])[4]
        probs = (softmax(logits_of(Flat, crop)) + softmax(logits_of(Flat, crop[:, ::-1]))) / 2
        np.testing.assert_allclose(np.exp(log_probs), probs, atol=1e-6)


def test_144_crops_equal_a_loop(split):
    found = measured(Flat, split, Asked(crops=144))
    for index, log_probs in enumerate(found.each):
        probs = []
        for side in (18, 21, 23, 25):  # 256, 288, 320 and 352 of 224, for an input of 16
            picture = resized(split[index]['image'], side)
            height, width = picture.shape[:2]
            for part in range(3):
                top, left = ((0, round((s - side) / 2), s - side)[part] for s in (height, width))
                square = Image.fromarray(picture).crop((left, top, left + side, top + side))
                middle, last = round((side - 16) / 2), side - 16
                places = [(0, 0), (last, 0), (0, last), (last, last), (middle, middle)]
                crops = [square.crop((x, y, x + 16, y + 16)) for x, y in places]
                for crop in [*crops, square.resize((16, 16), Image.Resampling.BILINEAR)]:
                    probs += [softmax(logits_of(Flat, each)) for each in (np.array(crop), np.array(crop)[:, ::-1])]
        assert len(probs) == 144
        np.testing.assert_allclose(np.exp(log_probs), np.mean(probs, axis=0), atol=1e-6)


@pytest.mark.parametrize('devices', [1, 4])
def test_whole_pictures_of_a_pooled_network(split, devices):
    if jax.local_device_count() < devices:
        pytest.skip('needs four devices')
    found = measured(Pooled, split, Asked(dense=True, scales=(16, 24)), devices)
    for index, log_probs in enumerate(found.each):
        logits = [logits_of(Pooled, resized(split[index]['image'], side)) for side in (16, 24)]
        np.testing.assert_allclose(np.exp(log_probs), softmax(np.mean(logits, axis=0)), atol=1e-6)
        assert found.targets[index] == split[index]['label']
    assert found.metrics['images'] == len(SHAPES)


def test_a_flat_head_is_applied_at_every_window(split):
    """Its convolution has stride 4, so that its windows are the network's crops at steps of 4 pixels, but for what lies
    beyond the borders of the crops: the loop is over windows of the feature map."""
    found = measured(Flat, split, Asked(dense=True, scales=(16, 24)))
    model, variables = network(Flat)
    head = variables['params']['head']
    for index, log_probs in enumerate(found.each):
        probs = []
        for side in (16, 24):
            for mirror in (1, -1):
                picture = resized(split[index]['image'], side)[:, ::mirror]
                normalised = (picture / 255 - np.array(PREPROCESSING.mean)) / np.array(PREPROCESSING.std)
                maps = np.asarray(model.apply(variables, normalised[None].astype(np.float32), method='features'))[0]
                logits = []
                for top in range(maps.shape[0] - 3):
                    for left in range(maps.shape[1] - 3):
                        flat = maps[top : top + 4, left : left + 4].astype(float).ravel()
                        hidden = np.maximum(flat @ head['fc1']['kernel'] + head['fc1']['bias'], 0)
                        logits.append(hidden @ head['fc']['kernel'] + head['fc']['bias'])
                probs.append(softmax(np.mean(logits, axis=0)))
        np.testing.assert_allclose(np.exp(log_probs), np.mean(probs, axis=0), atol=1e-6)


def test_windows_are_all_places_row_by_row():
    maps = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    found = np.asarray(windows(maps, (2, 3)))
    assert found.shape == (2, 4, 2, 3, 2)
    np.testing.assert_array_equal(found[1, 3], maps[1, 1:, 1:])
    np.testing.assert_array_equal(found[0, 1], maps[0, :2, 1:])


def test_pictures_are_grouped_by_size(split):
    protocol = resolve(Asked(dense=True, scales=(16,)), PREPROCESSING, flat_head=False)
    batches = ViewBatches(split, jax.local_devices()[:1], protocol)
    shapes = [batch['image'][0].shape for batch, _ in batches.eval_batches(2)]
    assert sorted(batches.order) == list(range(len(SHAPES)))
    assert len(shapes) == batches.steps(2) == 6
    # three of 24x30 in two batches of two; the others alone, in batches of their own size
    assert shapes[:2] == [(1, 2, 1, 16, 20, 3)] * 2
    assert sorted(shape[3:5] for shape in shapes[2:]) == [(16, 16), (16, 35), (19, 16), (20, 16)]
    assert {shape[1] for shape in shapes[2:]} == {1}


def test_the_longer_side_can_be_cut(split):
    protocol = resolve(Asked(dense=True, scales=(16,), multiple=8), PREPROCESSING, flat_head=False)
    assert [protocol.sizes(shape)[0] for shape in ((24, 30), (30, 24), (20, 20), (18, 40))] == [
        (16, 16),
        (16, 16),
        (16, 16),
        (16, 32),
    ]
    image = next(record['image'] for record in split if record['image'].shape[:2] == (30, 24))
    np.testing.assert_array_equal(protocol(image)[0][0], resized(image, 16)[2:18])


def test_defaults_are_those_of_the_papers():
    at_224 = dataclasses.replace(PREPROCESSING, input_shape=(224, 224, 3), resize=256)
    words = {
        (Asked(), True): 'centre crop of 224 from shorter side 256',
        (Asked(flip=True), True): 'centre crop of 224 from shorter side 256 and mirrored, softmax averaged',
        (Asked(crops=10), True): '10 crops of 224 from shorter side 256, softmax averaged',
        (
            Asked(crops=144),
            False,
        ): '144 crops of 224 from shorter sides 256, 288, 320, 352, softmax averaged',
        (
            Asked(dense=True),
            True,
        ): 'whole picture at shorter sides 256, 384, 512 and mirrored, softmax averaged',
        (Asked(dense=True), False): 'whole picture at shorter sides 224, 256, 384, 480, 640, logits averaged',
        (Asked(dense=True, scales=(384,), multiple=32), False): (
            'whole picture at shorter side 384, longer side cut to a multiple of 32'
        ),
    }
    for (asked, flat_head), said in words.items():
        assert str(resolve(asked, at_224, flat_head)) == said
    assert resolve(Asked(), at_224, False).plain
    squashed = dataclasses.replace(at_224, squash=True, resize=None)
    assert str(resolve(Asked(), squashed, False)) == 'whole picture squashed to 224'
    dense = resolve(Asked(dense=True, scales=(256,)), squashed, False)
    assert dense.sizes((100, 200)) == ((256, 512),)


@pytest.mark.parametrize(
    ('asked', 'changes', 'said'),
    [
        (Asked(crops=10), {'resize': None}, 'no room: crops of 16 from a square of 16x16'),
        (Asked(crops=10, scales=(15,)), {}, 'no crops of 16 in a picture of shorter side 15'),
        (Asked(scales=(15,)), {}, 'no crops of 16 in a picture of shorter side 15'),
        (Asked(crops=144), {'input_shape': (16, 20, 3)}, 'takes squares, but the network takes images of 16x20'),
        (Asked(crops=10, flip=False), {}, 'half of the 10 crops are mirrors'),
        (Asked(average='logits'), {}, 'nothing to average'),
        (Asked(multiple=8), {}, '--cut-to needs --dense'),
        (Asked(dense=True, multiple=20, scales=(16,)), {}, 'at most the smallest scale, 16'),
        (Asked(dense=True, scales=(12,)), {}, '--scales must be at least 16'),
    ],
)
def test_what_cannot_be_done_is_said(asked, changes, said):
    with pytest.raises(UserError, match=said):
        resolve(asked, dataclasses.replace(PREPROCESSING, **changes), flat_head=True)


def test_logits_that_are_not_finite_are_refused(split):
    from cnn_bench.errors import RunFailed

    model, variables = network(Pooled)
    variables = jax.tree.map(lambda leaf: leaf + np.inf, variables)
    protocol = Protocol(PREPROCESSING, flip=True)
    devices = jax.local_devices()[:1]
    step = compiled_view_step(model, partial(PREPROCESSING.normalise, dtype=np.float32), protocol, devices)
    with pytest.raises(RunFailed, match='7 of 7 images'):
        evaluate(
            Classification(), step, parallel.replicate(variables, devices), ViewBatches(split, devices, protocol), 4
        )
