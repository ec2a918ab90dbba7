"""What is wrong with any variant is refused before a trial starts, with the nearest real field, touching no device."""

import subprocess
import sys

import pytest

from cnn_bench.errors import UserError
from cnn_bench.sweep import Experiment, Sweep

GOOD = {'dataset.validation_images': 16}


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'optimizer.lr': 0.1}, "config.optimizer.lr: .* 'lr'; did you mean learning_rate"),
        ({'optimizer.wd': 0.1}, 'did you mean weight_decay'),
        ({'lr': 0.1}, "unknown config field 'lr'; did you mean optimizer.learning_rate"),
        ({'optimiser.lr': 0.1}, 'did you mean optimizer.learning_rate'),
        ({'learning_rate': 0.1}, 'did you mean optimizer.learning_rate'),
        ({'epochs': 3}, 'did you mean total_epochs'),
        ({'bs': 3}, 'did you mean batch_size'),
        ({'model.widht': 0.5}, "unknown field of lenet5 'widht'; did you mean width"),
        ({'model.arch': 'fashion_cnn', 'model.dropuot': 0.1}, 'did you mean dropout'),
        ({'model.act': 'rellu'}, "unknown act of lenet5 'rellu'; did you mean relu"),
        ({'model.width': 'wide'}, r'config\.model\.width is'),
        ({'model.dropout': 2.0}, 'dropout of LeNet5 is 2.0; it must be from 0 to below 1'),
        ({'optimizer.name': 'sdg'}, "unknown optimizer 'sdg'; did you mean .*sgd"),
        ({'schedule.name': 'cosin'}, 'did you mean cosine'),
        ({'schedule.name': 'cosine', 'schedule.finalfactor': 0.1}, 'did you mean final_factor'),
        ({'freeze': ('hed',)}, "in config.freeze 'hed'; did you mean .*head"),
        ({'augment.flipp': True}, 'did you mean augment.flip'),
        ({'batch_size': 1000}, 'config.batch_size is 1000; tiny trains on 80 images'),
        ({'dataset.train': 'trane'}, "unknown split of tiny 'trane'; did you mean train"),
    ],
)
def test_a_wrong_variant_is_refused_before_the_first_trial(write, tmp_path, tiny_data, fields, said):
    path = write(variants={'good': GOOD, 'wrong': {**GOOD, **fields}})
    with pytest.raises(UserError, match=f"variant 'wrong': .*{said}") as error:
        Sweep(Experiment.load(path), 'demo', 2, tmp_path / 'out', tiny_data)
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()


def test_it_starts_no_back_end(write, tmp_path, tiny_data):
    """In a process of its own, as this one has started its back end: on a GPU it would take its memory from trials."""
    frozen = {**GOOD, 'freeze': ('*', '!head'), 'schedule.name': 'cosine', 'optimizer.name': 'adamw'}
    code = (
        'import sys\nfrom jax._src import xla_bridge\nfrom cnn_bench.sweep import Experiment, Sweep\n'
        'Sweep(Experiment.load(sys.argv[1]), "demo", 1, __import__("pathlib").Path(sys.argv[2]), sys.argv[3])\n'
        'assert not xla_bridge.backends_are_initialized()'
    )
    path = write(variants={'good': GOOD, 'frozen': frozen})
    subprocess.run([sys.executable, '-c', code, str(path), str(tmp_path / 'out'), tiny_data], check=True)
