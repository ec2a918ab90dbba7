"""What a job of Slurm does with the process of its trial, for which a small script stands in."""

import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip('submitit')
from cnn_bench.sweep import slurm_job

SCRIPT = """
import pathlib, signal, sys, time
log = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
with log.open('a') as file:
    file.write('started\\n')
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    def spawn(arguments, workdir, data_dir, memory_gib, environment):
        return subprocess.Popen([sys.executable, '-c', SCRIPT, tmp_path / 'log', *arguments])

    monkeypatch.setattr(slurm_job, 'spawn', spawn)
    monkeypatch.setattr(slurm_job, 'POLL_S', 0.02)
    return lambda seconds: slurm_job.TrialJob([str(seconds)], str(tmp_path), None, 0.0, str(tmp_path / 'stop'))


def starts(tmp_path, count=1):
    deadline = time.monotonic() + 30
    while not (tmp_path / 'log').exists() or len((tmp_path / 'log').read_text().splitlines()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_returns_the_status_of_the_process(job):
    assert job(0)() == (0, False)


def test_the_stop_file_ends_it_and_keeps_it_from_starting(job, tmp_path):
    threading.Thread(target=lambda: (starts(tmp_path), (tmp_path / 'stop').touch())).start()
    assert job(60)() == (75, False)
    (tmp_path / 'log').unlink()
    assert job(60)() == (75, False)
    assert not (tmp_path / 'log').exists()


def test_a_checkpoint_ends_the_process_and_goes_on_as_the_same_job(job, tmp_path):
    running = job(60)
    thread = threading.Thread(target=running)
    thread.start()
    starts(tmp_path)
    again = running.checkpoint()
    assert again.function == job(60)
    (tmp_path / 'stop').touch()
    thread.join(10)
    assert not thread.is_alive()


def test_after_a_sigterm_that_no_preemption_follows_it_goes_on(job, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm_job, 'PREEMPTION_S', 0.1)
    running = job(60)

    def disturb():
        starts(tmp_path)
        running._process.terminate()
        starts(tmp_path, 2)
        (tmp_path / 'stop').touch()

    threading.Thread(target=disturb).start()
    assert running() == (75, False)
