"""Sinks: what they send, that none of them can end a run, and that no step appears twice."""

import sys
import types
from functools import partial

import numpy as np
import pytest
from event_files import crc32c, shown, texts
from run_files import eval_row, train_row, write_run

from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema, sinks
from cnn_bench.training import session

FINISHED = {'state': 'finished', 'top1_err_pct': 20.0, 'images_per_s': None}


class Recording:
    """A sink that keeps what it is sent."""

    def __init__(self, step=0):
        self.step, self.rows, self.summary = step, [], None

    def log(self, rows):
        self.rows += rows

    def finish(self, summary):
        self.summary = summary


class Failing(Recording):
    """A sink that raises on one of its calls."""

    def __init__(self, call, step=0):
        super().__init__(step)
        self.call = call
        self._raise_at('open')

    def log(self, rows):
        self._raise_at('log')
        super().log(rows)

    def finish(self, summary):
        self._raise_at('finish')
        super().finish(summary)

    def _raise_at(self, call):
        if call == self.call:
            raise OSError(f'no {call}\nat all')


@pytest.mark.parametrize('call', ['open', 'log', 'finish'])
def test_a_sink_that_raises_is_left_out_and_the_others_go_on(call, capsys):
    made = []

    def make(step):
        made.append(Recording(step))
        return made[0]

    both = sinks.Sinks({'bad': lambda step: Failing(call, step), 'good': make})
    both.open(3)
    both.log([train_row(4)])
    both.log([train_row(6)])
    both.finish(FINISHED)
    assert (made[0].step, made[0].rows, made[0].summary) == (3, [train_row(4), train_row(6)], FINISHED)
    assert capsys.readouterr().err == f'cnn-bench: bad failed and is left out from here on: no {call} at all\n'


def _recipe(**enabled):
    def field(name):
        return types.SimpleNamespace(enabled=enabled.get(name, False), project='p')

    return types.SimpleNamespace(wandb=field('wandb'), tensorboard=field('tensorboard'))


@pytest.mark.parametrize('name', sinks.PACKAGES)
def test_a_missing_package_is_said_before_anything_is_written(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, sinks.PACKAGES[name], None)
    sinks.wanted(_recipe(), RunDirectory(tmp_path))  # not asked for, not missed
    with pytest.raises(UserError, match=rf'config\.{name}\.enabled needs .*cnn_bench\[{name}\]'):
        sinks.wanted(_recipe(**{name: True}), RunDirectory(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_reader_of_this_test_checks_sums():
    assert crc32c(b'123456789') == 0xE3069283  # the check value of CRC-32C


def _scalars(rows):
    return [
        (f'{row["kind"]}/{name}', row['step'], np.float32(value))
        for row in rows
        for name, value in row.items()
        if name not in ('kind', 'step')
    ]


@pytest.mark.parametrize('clock', [(2e9, 2e9 + 60, 2e9 + 120), (2e9, 1e9, 9e7), (2e9, 2e9, 2e9)])
def test_tensorboard_shows_each_step_once_after_kills(tmp_path, monkeypatch, clock):
    """Three sessions: the first is killed two rows after its checkpoint of step 4, the second at once, and the step's
    evaluation, which comes after its checkpoint, is done anew. `clock` shows the time at the start of each."""
    run, times = write_run(tmp_path), iter(clock)
    rows = [train_row(2), train_row(4), eval_row(4, 30.0), train_row(6, 1 / 3), train_row(8), eval_row(8, 20.0)]
    for first, last in ((0, 4), (2, 3), (2, 6)):
        run.rewind(4 if first else 0)
        assert run.metrics() == rows[:first]
        monkeypatch.setattr('time.time', partial(float, next(times)))
        sink = sinks.TensorBoard(run, 4 if first else 0)
        for row in rows[first:last]:
            run.append([row])
            sink.log([row])
    sink.finish(FINISHED)
    assert run.metrics() == rows
    assert shown(run / schema.TENSORBOARD) == _scalars(rows)
    assert len(list((run / schema.TENSORBOARD).iterdir())) == 3
    said = texts(run / schema.TENSORBOARD)
    assert '"macs": 7' in said['network/text_summary']
    assert '"arch": "resnet20"' in said['config/text_summary']
    assert '"state": "finished"' in said['summary/text_summary']


@pytest.fixture
def no_key(monkeypatch, tmp_path):
    for name in ('WANDB_API_KEY', 'WANDB_MODE', 'NETRC'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))


@pytest.fixture
def service(monkeypatch, no_key):
    """Stands in for the wandb module; keeps what it is told."""
    told = types.SimpleNamespace(rows=[], summary={}, metrics=[])
    run = types.SimpleNamespace(
        log=told.rows.append,
        summary=told.summary,
        define_metric=lambda *args, **kwargs: told.metrics.append((*args, kwargs)),
        finish=lambda exit_code: setattr(told, 'exit_code', exit_code),
    )

    def init(**kwargs):
        told.init = kwargs
        return run

    monkeypatch.setitem(sys.modules, 'wandb', types.SimpleNamespace(init=init, Image=lambda path: f'image {path}'))
    return told


@pytest.mark.parametrize(('summary', 'exit_code'), [(FINISHED, 0), ({'state': 'diverged'}, 1)])
def test_wandb_gets_config_cost_metrics_and_charts(tmp_path, service, summary, exit_code):
    run = write_run(tmp_path / 'run', seed=3)
    for name in ('curve.png', 'report/front.jpg', 'tensorboard/not.png', 'wandb/not.png', 'text.txt'):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text('')
    sink = sinks.Wandb('project', run, 4)
    sink.log([train_row(6), eval_row(8, 20.0)])
    sink.finish(summary)
    assert (service.init['project'], service.init['name'], service.init['mode']) == ('project', 'run', 'offline')
    config = service.init['config']
    assert (config['seed'], config['network']['macs'], config['resumed_at_step']) == (3, 7, 4)
    assert ('*', {'step_metric': 'step'}) in service.metrics
    assert service.rows == [
        {'step': 6, 'train/epoch': 1.5, 'train/loss': 0.5},
        {'step': 8, 'val/epoch': 2.0, 'val/loss': 0.25, 'val/top1_err_pct': 20.0, 'val/images': 40},
        {'charts/curve': f'image {run / "curve.png"}'},
        {'charts/report/front': f'image {run / "report/front.jpg"}'},
    ]
    assert service.summary == summary
    assert service.exit_code == exit_code


def test_wandb_with_a_key_is_online_unless_told_otherwise(tmp_path, service, monkeypatch):
    run = write_run(tmp_path / 'run')
    monkeypatch.setenv('WANDB_API_KEY', 'k')
    sinks.Wandb('project', run, 0)
    assert service.init['mode'] == 'online'
    monkeypatch.setenv('WANDB_MODE', 'offline')
    sinks.Wandb('project', run, 0)
    assert service.init['mode'] == 'offline'


def test_wandb_itself_offline(tmp_path, no_key, monkeypatch):
    wandb = pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_SILENT', 'true')
    run = write_run(tmp_path / 'run')
    sink = sinks.Wandb('project', run, 0)
    sink.log([train_row(2)])
    sink.finish(FINISHED)
    wandb.teardown()  # waits for its process, which writes the file
    [record] = run.path.glob('wandb/offline-run-*/*.wandb')
    content = record.read_bytes()
    for written in (b'train/loss', b'resnet20', b'network', b'top1_err_pct'):
        assert written in content


def test_training_with_one_sink_that_works_and_one_that_does_not(tiny_recipe, tiny_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sinks, 'Wandb', lambda project, run, step: Failing('log', step))
    monkeypatch.setitem(sys.modules, 'wandb', types.ModuleType('wandb'))
    validated = {'dataset__validation_images': 24, 'batch_size': 18}
    config = tiny_recipe(total_epochs=1, tensorboard__enabled=True, wandb__enabled=True, **validated)
    assert session.train(config, tmp_path / 'run', tiny_data)['state'] == 'finished'
    run = RunDirectory(tmp_path / 'run')
    assert shown(run / schema.TENSORBOARD) == _scalars(run.metrics())
    assert {row['kind'] for row in run.metrics()} == {'train', 'val', 'test'}
    assert '"params": 61706' in texts(run / schema.TENSORBOARD)['network/text_summary']
    assert capsys.readouterr().err.count('wandb failed and is left out from here on: no log at all') == 1


def test_a_stopped_and_resumed_training_shows_each_step_once(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    """Stopped once step 6 is logged but not saved; the last checkpoint is that of step 3."""
    original = sinks.TensorBoard.log

    def stopping(self, rows):
        original(self, rows)
        if rows and rows[-1]['step'] == 6:
            raise KeyboardInterrupt

    run = RunDirectory(tmp_path / 'run')
    validated = {'dataset__validation_images': 24, 'batch_size': 18}
    config = tiny_recipe(checkpoint_every_steps=3, log_every_steps=1, tensorboard__enabled=True, **validated)
    monkeypatch.setattr(sinks.TensorBoard, 'log', stopping)
    with pytest.raises(KeyboardInterrupt):
        session.train(config, run.path, tiny_data)
    monkeypatch.setattr(sinks.TensorBoard, 'log', original)
    before = shown(run / schema.TENSORBOARD)
    assert before == _scalars(run.metrics())
    session.train(config, run.path, tiny_data)
    assert len(run.metrics()) == 8 + 2 + 1
    assert shown(run / schema.TENSORBOARD) == _scalars(run.metrics())
