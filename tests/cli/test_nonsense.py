"""Whatever nonsense a command is given, it ends with a status that is documented, in time, and without a traceback."""

import random
import shutil
import signal
from pathlib import Path

import nonsense
import numpy as np
import pytest
from PIL import Image

from cnn_bench.cli import main
from cnn_bench.runtime.signals import TrainingStopSignals

LENET5 = str(Path(__file__).parents[2] / 'configs' / 'lenet5.py')
TINY = (
    '--config.dataset.name=tiny --config.batch_size=24 --config.eval_batch_size=20 --config.total_steps=2 '
    '--config.devices=1 --config.schedule.warmup_epochs=0 --config.model.width=0.5 '
    '--config.dataset.validation_images=24'
)
STATUSES = {0, 1, 2, 75, 130}
PATIENCE_S = 60


class Hangs(BaseException):
    pass


@pytest.fixture
def problems(tiny_run, tiny_data, tmp_path, monkeypatch, capfd):
    """Run cases on copies of a run, beside a good one, and of a data set; return what is wrong with how they end."""
    polls = []
    monkeypatch.setattr(TrainingStopSignals, 'poll', lambda self: polls.append(1) or len(polls) > 3)
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / 'picture.png')

    def hangs(*signal_and_frame):
        raise Hangs

    signal.signal(signal.SIGALRM, hangs)

    def problem(case, arguments, statuses) -> str | None:
        capfd.readouterr()
        try:
            status = main(arguments)
        except BaseException as error:
            return f'{type(error).__name__}: {str(error)[:300]}'
        out, err = capfd.readouterr()
        errors = sum(line.startswith('cnn-bench: error') for line in err.splitlines())
        if status not in statuses:
            return f'status {status}'
        if 'Traceback' in err or (status in (1, 2) and errors != 1):
            return err[-300:]
        if case.command.startswith('runs {tree}') and 'good' not in out + err:
            return f'the good run is not there: {err[-300:]}'

    def run(cases, damages_data=False, statuses=STATUSES) -> list[str]:
        found = []
        for case in cases:
            polls.clear()
            scratch = tmp_path / 'case'
            places = {name: scratch / name for name in ('tree', 'data', 'out')}
            places |= {'run': scratch / 'tree' / 'bad', 'picture': tmp_path / 'picture.png'}
            shutil.copytree(tiny_run, scratch / 'tree' / 'good')
            shutil.copytree(tiny_run, places['run'])
            shutil.copytree(tiny_data, places['data'])
            places['out'].mkdir()
            what = case.apply(places['data' if damages_data else 'run'])
            signal.alarm(PATIENCE_S)
            wrong = problem(case, case.arguments({**places, 'lenet5': LENET5, 'tiny': TINY}), statuses)
            signal.alarm(0)
            found += [f'{what}: {wrong}'] if wrong else []
            shutil.rmtree(scratch)
        return found

    return run


def _check(problems, tiny_run, tiny_data, seed: int, fields: int, runs: int, data: int) -> None:
    rng = random.Random(seed)
    found = problems(nonsense.of_fields(rng, fields))
    found += problems(nonsense.of_files(rng, runs, Path(tiny_run), nonsense.RUN_COMMANDS))
    found += problems(nonsense.of_files(rng, data, Path(tiny_data), nonsense.DATA_COMMANDS), damages_data=True)
    assert not found, f'{len(found)} of {fields + runs + data}:\n' + '\n'.join(found)


def test_all_is_well_without_damage(problems):
    commands = dict.fromkeys((*nonsense.RUN_COMMANDS, *nonsense.DATA_COMMANDS))
    assert not problems([nonsense.Case(command) for command in commands], statuses={0, 75})


def test_a_sample(problems, tiny_run, tiny_data):
    _check(problems, tiny_run, tiny_data, seed=0, fields=40, runs=20, data=10)


@pytest.mark.slow
def test_two_thousand(problems, tiny_run, tiny_data):
    """What no other test covers: combinations of damage and command that nobody thought of."""
    _check(problems, tiny_run, tiny_data, seed=1, fields=900, runs=700, data=450)
