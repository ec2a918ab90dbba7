"""Segmentation from pictures on the disk to a finished run, by the loop that trains everything."""

import json

import numpy as np
import pytest
from image_files import save_image
from kill_harness import assert_same_run, interrupted_after
from PIL import Image

from cnn_bench import recipe, runs
from cnn_bench.cli import main
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.tasks.segmentation import ious
from cnn_bench.training import session
from cnn_bench.training.evaluate import evaluate_run
from cnn_bench.training.setup import TrainingSetup

SIDE = 16


@pytest.fixture(scope='module')
def streets(tmp_path_factory) -> str:
    """Twelve and six pictures of 16x16, dark above a line and bright below it, which are their two classes."""
    root, generator = tmp_path_factory.mktemp('streets'), np.random.default_rng(0)
    for split, count in {'train': 12, 'test': 6}.items():
        for number in range(count):
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[generator.integers(3, 13) :] = 1
            noise = generator.integers(0, 60, (SIDE, SIDE, 3))
            picture = (noise + 150 * mask[..., None]).astype(np.uint8)
            save_image(root / 'from' / split / 'images' / f'{number}.png', picture)
            mask[0] = 255
            save_image(root / 'from' / split / 'masks' / f'{number}.png', mask)
    (root / 'from' / 'classes.txt').write_text('above\nbelow\n')
    prepare('streets', root / 'from', root)
    return str(root)


def config(**changed):
    fields = {
        'dataset.name': 'streets',
        'dataset.validation': '',
        'dataset.validation_images': 4,
        'model.base': 'resnet20',
        'model.width': 0.25,
        'model.output_stride': 8,
        'augment.zoom': (1.0, 1.5),
        'batch_size': 4,
        'eval_batch_size': 4,
        'total_epochs': 8,
        'eval_every_epochs': 4,
        'schedule.warmup_epochs': 0.5,
        'devices': 1,
    }
    return recipe.load('configs/camvid.py', fields | {name.replace('__', '.'): v for name, v in changed.items()})


def test_it_learns_and_its_run_holds_what_the_evaluation_found(streets, tmp_path, capsys):
    summary = session.train(config(total_epochs=40, eval_every_epochs=20), tmp_path / 'run', streets)
    assert summary['miou_err_pct'] < 25  # the classes are plain to see; one class everywhere has more than 60
    run = RunDirectory(tmp_path / 'run')
    kept = np.load(run / schema.PREDICTIONS)['confusion']
    assert kept.shape == (6, 2, 2)
    assert kept.sum() == 6 * SIDE * (SIDE - 1)  # the first row is void
    assert 100 - 100 * ious(kept.sum(axis=0)).mean() == pytest.approx(summary['miou_err_pct'])
    again = evaluate_run(run.path, data_dir=streets)
    assert again['miou_err_pct'] == pytest.approx(summary['miou_err_pct'], abs=1e-6)
    picture = f'{streets}/from/test/images/0.png'
    assert main(['predict', '--workdir', str(run.path), picture, '--json', '--draw', str(tmp_path / 'masks')]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert sum(best['share'] for best in found['top']) == pytest.approx(1)
    [drawn] = (tmp_path / 'masks').iterdir()
    assert Image.open(drawn).size[0] > 2 * SIDE
    row = runs.load(run.path).iloc[0]
    assert (row.arch, row.miou_err_pct) == ('fcn', summary['miou_err_pct'])


def test_a_resumed_run_is_the_undisturbed_one(streets, tmp_path):
    recipe_ = config(total_epochs=4, eval_every_epochs=2)
    session.train(recipe_, tmp_path / 'whole', streets)
    with interrupted_after(5):
        session.train(recipe_, tmp_path / 'cut', streets)
    session.train(recipe_, tmp_path / 'cut', streets)
    assert_same_run(recipe_, tmp_path / 'whole', tmp_path / 'cut', streets)


def test_a_set_for_another_task_is_refused(streets, tiny_data):
    labelled = recipe.load('configs/lenet5.py', {'dataset.name': 'streets', 'dataset.validation_images': 0})
    with pytest.raises(UserError, match=r'config\.task is classification; streets is for segmentation'):
        TrainingSetup(labelled, streets)
    with pytest.raises(UserError, match=r'config\.task is segmentation; tiny is for classification'):
        TrainingSetup(config(dataset__name='tiny', dataset__validation_images=4), tiny_data)
