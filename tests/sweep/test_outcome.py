"""How a trial ended: recorded from its exception, or told from the exit status of its process."""

import os

import pytest

from cnn_bench.errors import RunFailed, Stopped, UserError
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.sweep.outcome import attempt, of_exception, of_process


class JaxRuntimeError(RuntimeError):
    """Named as JAX's."""


@pytest.mark.parametrize(
    ('error', 'state', 'reason'),
    [
        (UserError('config.batch_size is 7'), 'refused', 'config.batch_size is 7'),
        (PermissionError(13, 'Permission denied'), 'refused', 'PermissionError: [Errno 13] Permission denied'),
        (RunFailed('the network has no gradient'), 'crashed', 'the network has no gradient'),
        (KeyError(7), 'crashed', 'KeyError: 7'),
        (ValueError('two\nlines'), 'crashed', 'ValueError: two'),
        (MemoryError(), 'out_of_memory', 'MemoryError'),
        (OSError(12, 'Cannot allocate memory'), 'out_of_memory', 'OSError: [Errno 12] Cannot allocate memory'),
        (
            JaxRuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes.'),
            'out_of_memory',
            f'{__name__}.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes.',
        ),
    ],
)
def test_an_exception_is_recorded_in_the_run(error, state, reason, tmp_path, capfd):
    def train():
        raise error

    run = RunDirectory(tmp_path)
    assert attempt(train, run) == getattr(error, 'exit_status', os.EX_SOFTWARE)
    assert run.read(schema.SUMMARY) == {'state': state, 'reason': reason}
    assert str(error) in capfd.readouterr().err


def test_lack_of_memory_is_found_among_the_causes():
    try:
        try:
            raise MemoryError('12 bytes')
        except MemoryError as error:
            raise ValueError('the state could not be saved') from error
    except ValueError as error:
        outcome = of_exception(error)
    assert (outcome.state, outcome.reason) == ('out_of_memory', 'MemoryError: 12 bytes')


def test_nothing_is_recorded_of_a_trial_that_was_stopped_or_has_recorded_its_failure(tmp_path):
    def stopped():
        raise Stopped('stopped at step 3')

    def diverged():
        run.write(schema.SUMMARY, {'state': 'diverged', 'reason': 'the loss of step 3 is nan'})
        raise RunFailed('the loss of step 3 is nan; the log is there')

    run = RunDirectory(tmp_path)
    assert attempt(lambda: None, run) == 0
    assert attempt(stopped, run) == 75
    assert os.listdir(tmp_path) == []
    assert attempt(diverged, run) == 1
    assert run.read(schema.SUMMARY)['state'] == 'diverged'


def test_a_record_that_cannot_be_written_leaves_the_error_in_the_log(tmp_path, capfd):
    def train():
        raise KeyError(7)

    assert attempt(train, RunDirectory(tmp_path / 'missing')) == os.EX_SOFTWARE
    assert 'KeyError: 7' in capfd.readouterr().err


@pytest.mark.parametrize(
    ('status', 'log', 'state', 'reason'),
    [
        (75, 'stopped at step 3', 'stopped', ''),
        (-15, '', 'stopped', ''),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'\n", 'out_of_memory', 'bad_alloc'),
        (-9, 'epoch 1', 'crashed', 'killed by SIGKILL: epoch 1'),
        (-11, 'epoch 1\n', 'crashed', 'killed by SIGSEGV: epoch 1'),
        (0, '', 'crashed', 'it printed nothing'),
        (1, 'something odd\n\n', 'crashed', 'something odd'),
    ],
)
def test_a_process_that_recorded_nothing(status, log, state, reason):
    outcome = of_process(status, log)
    assert outcome.state == state
    assert reason in outcome.reason


def test_the_system_kills_for_lack_of_memory_and_people_for_reasons_of_their_own():
    assert of_process(-9, '', no_memory=True).state == 'out_of_memory'
    assert of_process(-15, '', no_memory=True).state == 'stopped'


def test_a_process_that_nobody_saw_end():
    assert of_process(None, 'epoch 1', 'its node died').reason == 'its node died; epoch 1'
    assert of_process(None, '', 'out of memory on its node').state == 'out_of_memory'
