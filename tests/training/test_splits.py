"""Three splits that share no image; validation decides, and the test images decide nothing."""

import numpy as np
import pytest
from image_files import write_idx
from kill_harness import assert_same_run, interrupted_after

from cnn_bench import data, recipe
from cnn_bench.data.prepare import prepare
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.training import loop, session
from cnn_bench.training.splits import Splits

VALIDATED = {'batch_size': 18, 'dataset__validation_images': 24}
CHOOSING = {  # everything that validation decides
    **VALIDATED,
    'total_epochs': 9,
    'optimizer__learning_rate': 0.5,
    'schedule__name': 'plateau',
    'schedule__factor': 0.5,
    'schedule__patience': 0,
    'early_stop_patience': 3,
    'keep_best': True,
    'keep_checkpoints': 1,
    'checkpoint_every_steps': 3,
}


def fields(**changes):
    dataset = recipe.base().dataset.to_dict()
    return {**dataset, 'name': 'tiny', **changes}


def test_the_parts_share_no_image_and_are_together_the_whole(tiny_data):
    splits = Splits(fields(validation_images=20), tiny_data)
    assert splits.sizes == {'train': 76, 'validation': 20, 'test': 40}
    train, validation = ({image['image'].tobytes() for image in splits[part]} for part in ('train', 'validation'))
    whole = {image['image'].tobytes() for image in data.open_split('tiny', 'train', tiny_data)}
    assert len(whole) == 96
    assert train | validation == whole
    assert not train & validation


def test_classes_and_train_images_count_what_is_not_held_out(tiny_data):
    splits = Splits(fields(classes=(3, 1), validation_images=4, train_images=10), tiny_data)
    assert splits.sizes == {'train': 10, 'validation': 4, 'test': 8}
    held = {image['image'].tobytes() for image in splits['validation']}
    assert [image['label'] for image in splits['validation']].count(0) == 2
    assert len(splits['train']) == 10
    assert not held & {image['image'].tobytes() for image in splits['train']}


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'test': 'train'}, "train and test are both 'train'"),
        ({'validation': 'test'}, "validation and test are both 'test'"),
        ({'validation': 'train'}, "train and validation are both 'train'; validation_images alone holds images out"),
        ({'validation': 'tset'}, 'split of tiny'),
        ({'validation_images': 96}, 'validation_images is 96; tiny has at most 95'),
        ({'validation_images': 90, 'train_images': 7}, 'train_images is 7; tiny has at most 6 besides the 90'),
    ],
)
def test_parts_that_overlap_or_do_not_fit_are_refused(tiny_data, changes, said):
    with pytest.raises(UserError, match=said):
        Splits(fields(**changes), tiny_data)


@pytest.mark.parametrize(
    'asked',
    [
        {'keep_best': True},
        {'early_stop_patience': 2},
        {'monitor': 'loss'},
        {'schedule__name': 'plateau', 'schedule__factor': 0.5},
        {'stages': ({'total_steps': 1}, {'total_steps': 1, 'schedule.name': 'plateau', 'schedule.factor': 0.5})},
    ],
)
def test_what_follows_validation_is_refused_without_it(tiny_recipe, asked):
    with pytest.raises(UserError, match=r'needs validation images; set config\.dataset\.validation_images'):
        tiny_recipe(**asked)
    tiny_recipe(**asked, **VALIDATED)


def test_without_any_images_to_evaluate_on_a_recipe_is_refused(tiny_recipe):
    with pytest.raises(UserError, match='neither test nor validation images'):
        tiny_recipe(dataset__test='')
    with pytest.raises(UserError, match='test_every_epochs needs a test split'):
        tiny_recipe(dataset__test='', test_every_epochs=1, **VALIDATED)


def test_a_recipe_without_test_images_is_validated_only(tiny_recipe, tiny_data, tmp_path):
    summary = session.train(tiny_recipe(dataset__test='', **VALIDATED), tmp_path / 'run', tiny_data)
    assert summary['val_top1_err_pct'] >= 0
    assert 'top1_err_pct' not in summary
    assert not (tmp_path / 'run' / schema.PREDICTIONS).exists()


@pytest.fixture(scope='module')
def permuted(tmp_path_factory):
    """Two data directories with a set `tiny` each, whose test labels alone differ: in the second they are permuted."""
    generator = np.random.default_rng(0)
    labels = (np.arange(96) % 10).astype(np.uint8)
    images = generator.integers(0, 256, (96, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 4] = 255
    found = []
    for change in (0, 3):
        source = tmp_path_factory.mktemp('idx')
        test = (images[:40], (labels[:40] + change) % 10)
        write_idx(source, {'train': (images, labels), 'test': test})
        found.append(tmp_path_factory.mktemp('data'))
        prepare('tiny', source, found[-1])
    return found


def test_no_choice_follows_test(tiny_recipe, tmp_path, permuted):
    """Where test says the opposite of validation, training and everything chosen in it are the same to the bit."""
    config, runs = tiny_recipe(test_every_epochs=1, **CHOOSING), []
    for number, data_dir in enumerate(permuted):
        session.train(config, tmp_path / str(number), data_dir)
        runs.append(RunDirectory(tmp_path / str(number)))
    rows = [[row for row in run.metrics() if row['kind'] != 'test'] for run in runs]
    assert rows[0] == rows[1]
    one, other = (run.read(schema.SUMMARY) for run in runs)
    of_test = ('top1_err_pct', 'top5_err_pct', 'test_loss', 'train_s', 'images_per_s')  # and of the clock
    untouched = [name for name in one if name not in of_test]
    assert {'tested_step', 'best_step', 'steps', 'val_top1_err_pct', 'best_val_top1_err_pct'} <= set(untouched)
    assert [one[name] for name in untouched] == [other[name] for name in untouched]
    assert one['top1_err_pct'] + 20 < other['top1_err_pct']  # test did disagree
    assert len({row['learning_rate'] for row in rows[0] if row['kind'] == 'train'}) > 1  # the plateau did something
    assert (
        one['tested_step'] == one['best_step'] < one['steps'] < 9 * 4
    )  # and so did the choice of weights and the stop
    a, b = (np.load(run / schema.VALIDATION_PREDICTIONS)['log_probs'] for run in runs)
    np.testing.assert_array_equal(a, b)


def test_test_is_read_once_after_the_last_step(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    seen, original = [], loop.Trainer._evaluation

    def evaluation(self, part, state, step):
        seen.append((part, self.step))
        return original(self, part, state, step)

    monkeypatch.setattr(loop.Trainer, '_evaluation', evaluation)
    session.train(tiny_recipe(**VALIDATED), tmp_path / 'run', tiny_data)
    assert seen == [('validation', 4), ('validation', 8), ('test', 8)]


def test_the_best_weights_are_tested_after_any_interruption(tiny_recipe, permuted, tmp_path):
    config = tiny_recipe(**CHOOSING)
    whole = session.train(config, tmp_path / 'whole', permuted[0])
    for stop_at in range(whole['best_step'], whole['steps'] + 1, 2):
        with interrupted_after(stop_at):
            session.train(config, tmp_path / 'cut', permuted[0])
    assert session.train(config, tmp_path / 'cut', permuted[0])['tested_step'] == whole['best_step']
    assert_same_run(config, tmp_path / 'cut', tmp_path / 'whole', permuted[0])
