"""Trials as jobs: by submitit's local and debug executors, and by commands of Slurm that `fake_slurm` imitates."""

import os
import threading
import time

import fake_slurm
import pytest
from twelve import FAILING, GOOD, finished, results, start

from cnn_bench.errors import UserError
from cnn_bench.runs import schema
from cnn_bench.sweep import Experiment, Sweep
from cnn_bench.sweep.local_executor import LocalExecutor

pytest.importorskip('submitit')
from cnn_bench.sweep import slurm_executor
from cnn_bench.sweep.slurm_executor import Allocation, SlurmExecutor

PATIENCE_S = 300
LONG = {**GOOD['good0'], 'total_epochs': 200, 'checkpoint_every_steps': 40}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Fake commands of Slurm in the path; called with what `fake_slurm.install` takes."""

    def install(**options):
        directory = fake_slurm.install(tmp_path / 'bin', **options)
        monkeypatch.setenv('PATH', f'{directory}:{os.environ["PATH"]}')
        monkeypatch.setattr(slurm_executor, 'LOOK_S', 0.1)
        monkeypatch.setattr(slurm_executor, 'ASK_SLURM_S', 1.0)
        return directory

    return install


def sweep_of(experiment, out, data_dir):
    return Sweep(Experiment.load(experiment), 'demo', 1, out, data_dir)


def when(condition, act):
    """Call `act` in a thread as soon as `condition` holds."""

    def wait():
        deadline = time.monotonic() + PATIENCE_S
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_what_sbatch_is_asked_for_and_how_many_start(slurm, write, tmp_path, tiny_data):
    directory = slurm(runs=False)
    sweep = sweep_of(write(variants={name: GOOD[name] for name in list(GOOD)[:4]}), tmp_path / 'out', tiny_data)
    allocation = Allocation('gpu', gpus=2, cpus=3, minutes=90, memory_gib=24.0, options={'account': 'vision'})
    with SlurmExecutor(sweep.out, 2, allocation, tiny_data) as executor:
        for trial in sweep.trials[:3]:
            assert executor.free() > 0  # all into one array
            executor.start(trial, sweep.directory(trial))
        assert executor.ended() == []
        script = (directory / '100.sh').read_text()
        for line in ('partition=gpu', 'gpus-per-node=2', 'cpus-per-task=3', 'time=90', 'mem=24GB', 'account=vision'):
            assert f'#SBATCH --{line}\n' in script
        assert '#SBATCH --array=0-2%2\n' in script
        assert '--signal=USR2@120' in script
        assert executor.free() < 0  # as three are in the queue, of which two may run
        executor.stop()
        assert (directory / 'scancel.log').read_text() == '--state=PENDING 100_0 100_1 100_2\n'
        ended = executor.ended()
        assert [(each.trial, each.status) for each in ended] == [(trial, 75) for trial in sweep.trials[:3]]
        assert executor.running() == []


def test_what_sbatch_refuses_is_one_line(slurm, write, tmp_path, tiny_data):
    directory = slurm(runs=False)
    (directory / 'sbatch').write_text('#!/bin/sh\necho "sbatch: error: invalid partition specified: gqu" >&2; exit 1\n')
    sweep = sweep_of(write(variants={'a': {}}), tmp_path / 'out', tiny_data)
    with pytest.raises(UserError, match=r'did not take the jobs: sbatch: error: invalid partition specified: gqu$'):
        sweep.run(SlurmExecutor(sweep.out, data_dir=tiny_data))
    (directory / 'srun').unlink()
    if not os.path.exists('/usr/bin/srun'):
        with pytest.raises(UserError, match='srun'):
            sweep.run(SlurmExecutor(sweep.out, data_dir=tiny_data))


def test_the_debug_executor(write, tmp_path, tiny_data):
    """A whole trial as a job: submitit calls it here, and it trains in a process of its own as all do."""
    sweep = sweep_of(write(variants={'good': GOOD['good0']}), tmp_path / 'debug', tiny_data)
    sweep.run(SlurmExecutor(sweep.out, data_dir=tiny_data, cluster='debug'))
    assert [state for state, _ in results(sweep.out).values()] == ['finished']


@pytest.mark.slow
def test_a_job_that_is_killed_is_submitted_again_and_goes_on(write, tmp_path, tiny_data):
    """By submitit's local executor, whose jobs are processes of their own: a kill takes the trial's process along."""
    import psutil

    sweep = sweep_of(write(variants={'long': LONG, 'short': GOOD['good1']}), tmp_path / 'out', tiny_data)
    run, killed = sweep.directory(sweep.trials[0]), []

    def kill():
        [job] = [p for p in psutil.Process().children(recursive=True) if 'submitit.core._submit' in p.cmdline()]
        killed.extend(job.children())
        job.kill()

    thread = when(lambda: list(run.path.glob('checkpoints/*/*')), kill)
    sweep.run(SlurmExecutor(sweep.out, data_dir=tiny_data, cluster='local'))
    thread.join()
    assert killed
    assert not any(process.is_running() for process in killed)
    assert len(finished(sweep.out)) == 2
    assert run.read(schema.PROVENANCE)['earlier_sessions']
    rows = [(row['kind'], row['step']) for row in run.metrics()]
    assert len(rows) == len(set(rows))


@pytest.mark.slow
def test_a_preempted_job_is_requeued_and_the_table_is_the_same(slurm, write, tmp_path, tiny_data):
    directory = slurm()
    experiment = write(variants={'long': LONG, 'short': GOOD['good1'], 'bad': FAILING['diverges']})
    sweep = sweep_of(experiment, tmp_path / 'slurm', tiny_data)
    run = sweep.directory(sweep.trials[0])
    thread = when(lambda: list(run.path.glob('checkpoints/*/*')), lambda: fake_slurm.preempt(directory, '100_0'))
    outcomes = []
    for each, executor in (
        (sweep, SlurmExecutor(sweep.out, 2, data_dir=tiny_data)),
        (local := sweep_of(experiment, tmp_path / 'local', tiny_data), LocalExecutor(local.out, [{}], tiny_data)),
    ):
        with pytest.raises(UserError, match=r'1 of 3 trials failed: bad-s0.*diverged') as error:
            each.run(executor)
        outcomes.append((str(error.value), str(results(each.out))))
    thread.join()
    assert outcomes[0] == outcomes[1]
    assert (directory / '100_0.requeued').exists()
    assert len(run.read(schema.PROVENANCE)['earlier_sessions']) == 1
    assert (run / schema.METRICS).read_bytes() == (local.directory(sweep.trials[0]) / schema.METRICS).read_bytes()


@pytest.mark.slow
def test_a_sweep_that_is_killed_or_stopped_leaves_no_job_that_trains_along(slurm, write, tmp_path, tiny_data):
    slurm()
    out = tmp_path / 'out'
    experiment = write(
        variants={'long': LONG, 'two': {**LONG, 'optimizer.learning_rate': 0.03}, 'short': GOOD['good2']}
    )
    sweep = sweep_of(experiment, out, tiny_data)
    run = sweep.directory(sweep.trials[0])
    flags = '--executor', 'slurm', '--jobs', '2', '--gpus', '0'

    process = start(experiment, out, tiny_data, *flags)
    when(lambda: list(run.path.glob('checkpoints/*/*')), process.kill).join()
    process.communicate(timeout=PATIENCE_S)
    assert not run.read(schema.SUMMARY)
    process = start(experiment, out, tiny_data, *flags)
    thread = when(lambda: (run.read(schema.PROVENANCE) or {})['earlier_sessions'], process.terminate)
    output, _ = process.communicate(timeout=PATIENCE_S)
    thread.join()
    assert process.returncode == 75, output
    assert 'the same command goes on' in output
    process = start(experiment, out, tiny_data, *flags)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert len(finished(out)) == 3
    rows = [(row['kind'], row['step']) for row in run.metrics()]
    assert len(rows) == len(set(rows))
    assert len(run.read(schema.PROVENANCE)['earlier_sessions']) == 2
