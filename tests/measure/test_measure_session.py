"""Rounds, processes, resuming and failures of `cnn-bench measure`, with workers that compute nothing."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cnn_bench.errors import UserError
from cnn_bench.measure import load, session
from cnn_bench.measure.cases import counted, of_networks
from cnn_bench.measure.columns import COLUMNS
from cnn_bench.measure.rows import FILE, read
from cnn_bench.measure.turns import FILE as TURNS

NAMES = ['lenet5', 'resnet20', 'fashion_cnn']
PATIENCE_S = 60


def _turns(requests) -> list[tuple]:
    return [(request['arch'], request['batch']) for request in requests if request['do'] == 'time']


def test_every_case_has_a_turn_in_each_round(measure):
    rows, _, requests = measure(NAMES)
    cases = sorted(itertools.product(NAMES, (1, 2)))
    turns = _turns(requests)
    rounds = [turns[i : i + len(cases)] for i in range(0, len(turns), len(cases))]
    assert len(rounds) == 4
    assert all(sorted(each) == cases for each in rounds)
    orders = {tuple(dict.fromkeys(arch for arch, _ in each)) for each in rounds}
    assert len(orders) > 1
    for name in NAMES:
        processes = [request['pid'] for request in requests if request['arch'] == name and request['do'] == 'time']
        assert Counter(processes).most_common() == [(processes[0], 4), (processes[-1], 4)]  # 2 rounds of 2 cases each
    assert [(row['arch'], row['batch']) for row in rows] == list(itertools.product(NAMES, (1, 2)))
    assert {(row['repeats'], row['processes'], row['calls']) for row in rows} == {(4, 2, 12)}


def test_a_row_has_what_the_worker_answered(measure, tmp_path):
    (row,), _, _ = measure(['lenet5'], batches=(2,))
    assert list(row) == list(COLUMNS)
    assert row['latency_ms_p50'] == pytest.approx(2.2)
    assert row['images_per_s'] == pytest.approx(2 / 2.2e-3)
    assert row['tflop_per_s'] == pytest.approx(2 * 416_520 * 2 / 2.2e-3 / 1e12)
    assert row['matrix_peak_share'] == pytest.approx(row['tflop_per_s'])
    assert (row['warmup_calls'], row['compile_s'], row['params']) == (2 * 3 + 4, 1.5, 7)
    assert row['power_w'] is row['energy_per_image_j'] is row['clock_mhz_before'] is None
    assert row['latency_ms_low'] == row['latency_ms_high'] == row['latency_ms_p50']  # all rounds were alike
    assert row['latency_with_copy_ms_p50'] == pytest.approx(2.2)
    table = load(tmp_path / 'out')
    assert list(table.columns) == list(COLUMNS)
    assert table['latency_ms_p50'][0] == row['latency_ms_p50']
    assert table['power_w'].isna().all()


def test_a_training_step_counts_three_times(measure):
    (case,) = of_networks(['lenet5'], modes=['training'])
    assert case.macs == 416_520
    turn = {'process': 'a', 'seconds': [0.5], 'measured_at': ''}
    from cnn_bench.measure import intervals, row

    made = row.measured(case, {}, [], [turn], {}, intervals.Variance(0, 0))
    assert made['tflop_per_s'] == pytest.approx(3 * 2 * 416_520 / 0.5 / 1e12)
    assert made['latency_ms_low'] is None  # one round has no interval


@pytest.mark.parametrize(
    ('rounds', 'within', 'across', 'noisy'),
    [
        ([[1.0] * 3, [1.4] * 3], 0.0, 0.4 / 1.2, True),
        ([[1.0, 1.0, 1.0], [0.5, 1.0, 1.5]], 0.8, 0.0, True),  # percentiles 10 and 90 of three: 0.6 and 1.4
        ([[1.0] * 3, [1.1] * 3], 0.0, 0.1 / 1.05, False),
    ],
)
def test_noise_of_calls_and_of_rounds(rounds, within, across, noisy):
    from cnn_bench.measure import intervals, row

    turns = [{'process': 'a', 'seconds': seconds, 'measured_at': ''} for seconds in rounds]
    made = row.measured(of_networks(['lenet5'])[0], {}, [], turns, {}, intervals.Variance(0, 0))
    assert made['spread_pct'] == pytest.approx(100 * within)
    assert made['spread_of_rounds_pct'] == pytest.approx(100 * across)
    assert made['noisy'] is noisy


def test_parameters_and_multiply_adds_at_another_size():
    """Of a network without a dense layer over pixels, so that its parameters stay and its maps grow with the image."""
    (native,), (larger,) = of_networks(['resnet20']), of_networks(['resnet20'], size=64)
    assert (larger.params, larger.macs) == (None, None)
    assert counted(native) is native
    assert counted(larger).params == native.params
    dense = 64 * 10
    assert counted(larger).macs == 4 * (native.macs - dense) + dense


def test_the_same_command_measures_only_what_is_missing(measure, tmp_path):
    before, _, _ = measure(['lenet5'])
    rows, said, requests = measure(['lenet5', 'resnet20'])
    assert {arch for arch, _ in _turns(requests)} == {'resnet20'}
    assert rows[:2] == before
    assert '2 of 4 rows are there already' in said
    again, _, requests = measure(['lenet5', 'resnet20'])
    assert (again, requests) == (rows, [])
    (tmp_path / 'out' / FILE).unlink()  # as if it was killed before it wrote the rows
    again, _, requests = measure(['lenet5', 'resnet20'])
    assert requests == []
    assert [row['latency_ms_p50'] for row in again] == [row['latency_ms_p50'] for row in rows]


def test_rounds_that_are_there_are_kept(measure, tmp_path):
    measure(['lenet5'], batches=(1,))
    turns = tmp_path / 'out' / TURNS
    lines = turns.read_bytes().splitlines(keepends=True)
    kept = b''.join(line for line in lines if b'"turn"' not in line)
    kept += (
        b''.join([line for line in lines if b'"turn"' in line][:1]) + lines[-1][:30]
    )  # killed in the middle of a line
    turns.write_bytes(kept)
    (tmp_path / 'out' / FILE).unlink()
    (row,), _, requests = measure(['lenet5'], batches=(1,))
    assert len(_turns(requests)) == 3
    assert (row['repeats'], row['processes']) == (4, 3)


def test_rows_of_other_code_are_kept_and_named(measure):
    measure(['lenet5'], batches=(1,))
    rows, said, requests = measure(['lenet5'], batches=(1,), code='two')
    assert (requests, rows[0]['code']) == ([], 'one')
    assert any('made by other code or versions, and kept: lenet5, batch 1' in line for line in said)
    rows, said, requests = measure(['lenet5'], batches=(1,), code='two', again=['changed'])
    assert (len(_turns(requests)), rows[0]['code'], rows[0]['repeats']) == (4, 'two', 4)


@pytest.mark.parametrize(
    ('behaviour', 'status', 'reason'),
    [
        ('refuses', 'unsupported', 'no such network'),
        ('dies_timing', 'failed', 'its process ended with status 1: some last words'),
        ('babbles', 'failed', 'its process answered \'"a library prints"\', which is no answer'),
    ],
)
def test_a_network_that_fails_is_a_row_and_the_rest_goes_on(measure, behaviour, status, reason):
    rows, said, _ = measure(['lenet5', 'resnet20'], resnet20=behaviour)
    assert [row['status'] for row in rows] == ['ok', 'ok', status, status]
    assert rows[2]['reason'] == reason
    assert rows[2]['latency_ms_p50'] is None
    assert sum('resnet20' in line for line in said) == 2
    assert measure(['lenet5', 'resnet20'])[2] == []
    rows, _, requests = measure(['lenet5', 'resnet20'], again=['failed'])
    assert {arch for arch, _ in _turns(requests)} == {'resnet20'}
    assert {row['status'] for row in rows} == {'ok'}


def test_a_process_that_memory_ran_out_of_takes_no_other_batch_with_it(measure):
    rows, _, _ = measure(['resnet20', 'lenet5'], batches=(1, 2, 4), resnet20='dies')
    assert [row['status'] for row in rows] == ['ok', *['out_of_memory'] * 2, *['ok'] * 3]
    assert rows[1]['reason'].endswith('std::bad_alloc')


def test_a_process_that_hangs_is_ended(measure):
    rows, _, _ = measure(['lenet5', 'resnet20'], batches=(1,), rounds=2, answer_s=1.0, resnet20='hangs')
    assert [row['status'] for row in rows] == ['ok', 'failed']
    assert rows[1]['reason'] == 'its process gave no answer in 1 s and was ended'


def test_a_network_without_room_beside_others_is_tried_alone(measure):
    rows, _, _ = measure(['lenet5', 'resnet20'], batches=(1,), rounds=2, resnet20='alone')
    assert [row['status'] for row in rows] == ['ok', 'ok']


def test_where_memory_is_short_networks_come_one_after_the_other(measure, monkeypatch):
    monkeypatch.setattr(session, 'host_free_bytes', lambda: (session.SPARE_BYTES, 'as much'))
    _, _, requests = measure(['lenet5', 'resnet20'], batches=(1,))
    assert [name for name, _ in itertools.groupby(arch for arch, _ in _turns(requests))] in (
        ['lenet5', 'resnet20', 'lenet5'],
        ['lenet5', 'resnet20', 'lenet5', 'resnet20'],
    )


def test_contestants_take_turns(measure):
    rows, _, requests = measure(['lenet5'], batches=(1,), frameworks=('cnn_bench', 'torch'))
    assert [row['framework'] for row in rows] == ['cnn_bench', 'torch']
    turns = [request['framework'] for request in requests if request['do'] == 'time']
    assert all(set(turns[i : i + 2]) == {'cnn_bench', 'torch'} for i in range(0, 8, 2))


@pytest.mark.parametrize('content', ['{"arch": "lenet5"}\n', 'x\n', '[1]\n', '{"status": "ok", "arch": [1]}\n'])
def test_a_damaged_file_is_refused_in_a_line(measure, tmp_path, content):
    (tmp_path / 'out').mkdir()
    for name in (FILE, TURNS) if content[0] != '{' else (FILE,):
        (tmp_path / 'out' / name).write_text(content)
        with pytest.raises(UserError, match='is damaged in line 1'):
            measure(['lenet5'])
        (tmp_path / 'out' / name).unlink()


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from fake_contestant import Lines, fake
from cnn_bench.measure.cases import of_networks
from cnn_bench.measure.session import Session
out = Path({out!r})
contestants = {{'cnn_bench': fake(Path({workers!r}))}}
Session(out, contestants, Lines(), 4, 0.01).run(of_networks(['lenet5', 'resnet20'], batches=(1, 2)))
"""


def test_what_was_timed_survives_a_kill(measure, tmp_path):
    """A process that is killed with -9 leaves whole lines, and no worker."""
    (tmp_path / 'workers').mkdir()
    (tmp_path / 'workers' / 'pause').write_text('0.1')
    places = {'tests': str(Path(__file__).parent), 'out': str(tmp_path / 'out'), 'workers': str(tmp_path / 'workers')}
    killed = subprocess.Popen([sys.executable, '-c', KILLED.format(**places)])
    turns, deadline = tmp_path / 'out' / TURNS, time.monotonic() + PATIENCE_S
    while not turns.exists() or turns.read_bytes().count(b'"turn"') < 3:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = turns.read_bytes()
    workers = {json.loads(line)['pid'] for line in (tmp_path / 'workers' / 'requests.jsonl').read_text().splitlines()}
    while any(Path('/proc', str(pid)).exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.unlink(tmp_path / 'workers' / 'pause')
    rows, _, requests = measure(['lenet5', 'resnet20'])
    whole = before[: before.rfind(b'\n') + 1]
    assert turns.read_bytes().startswith(whole)
    assert len(_turns(requests)) == 16 - whole.count(b'"turn"')
    assert [row['repeats'] for row in rows] == [4] * 4
    assert list(read(tmp_path / 'out').values()) == rows
