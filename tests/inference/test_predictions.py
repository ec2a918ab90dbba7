"""Predictions are those of the network, in order, and independent of batches."""

import numpy as np
import pytest
from PIL import Image

from cnn_bench.data.pictures import Refusal
from cnn_bench.errors import UserError
from cnn_bench.inference import predict, probabilities


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Seven grey pictures of the network's size, the third of them empty."""
    folder = tmp_path_factory.mktemp('pictures')
    for number in range(7):
        pixels = np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)
        Image.fromarray(pixels).save(folder / f'{number}.png')
    (folder / '2.png').write_bytes(b'')
    return folder


@pytest.mark.parametrize('batch_size', [1, 3, 100])
def test_they_are_those_of_the_network(network, folder, batch_size):
    found = list(predict(network, [folder], 3, batch_size))
    assert [one.path for one in found] == [str(folder / f'{number}.png') for number in range(7)]
    assert found.pop(2) == Refusal(str(folder / '2.png'), 'is empty')
    images = np.stack([np.asarray(Image.open(one.path)) for one in found])[..., None]
    logits = np.asarray(network.module.apply(network.variables, (images / 255 - 0.4) / 0.3), np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities(network, images), expected, atol=1e-5)
    for one, row in zip(found, expected, strict=True):
        assert one.labels == tuple(np.argsort(-row)[:3])
        np.testing.assert_allclose(one.probabilities, np.sort(row)[::-1][:3], atol=1e-5)


def test_a_batch_of_refusals_alone(network, folder):
    found = list(predict(network, [folder / '2.png', folder / 'none.png', folder / '0.png'], 100, 2))
    assert [type(one).__name__ for one in found] == ['Refusal', 'Refusal', 'Prediction']
    assert sum(found[2].probabilities) == pytest.approx(1, abs=1e-5)
    assert list(predict(network, [])) == []


def test_a_network_gone_wrong_predicts_nothing(network, folder):
    import dataclasses

    import jax

    broken = dataclasses.replace(network, variables=jax.tree.map(lambda a: a * np.nan, network.variables))
    (found,) = predict(broken, [folder / '0.png'])
    assert 'not finite' in found.reason


def test_pictures_have_one_channel_or_three(make_network, folder):
    with pytest.raises(UserError, match='2 channels'):
        list(predict(make_network(2), [folder]))
