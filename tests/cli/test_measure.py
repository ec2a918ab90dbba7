"""The command `cnn-bench measure`, with workers that compute nothing: its lines, its exit status, and what stays."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_contestant import fake
from test_full_disk import files_up_to

from cnn_bench.cli import main
from cnn_bench.measure import load
from cnn_bench.measure.cases import PRESETS

PATIENCE_S = 60


@pytest.fixture
def measure(tmp_path, monkeypatch, capsys):
    """Run the command with a fake contestant: (exit status, stdout, lines of stderr)."""
    behaviours = {}
    monkeypatch.setattr('cnn_bench.measure.contestants.ours', lambda devices: fake(tmp_path / 'workers', **behaviours))
    monkeypatch.setattr('cnn_bench.measure.session.SETTLE_S', 0.0)

    def run(*arguments, **behaves):
        behaviours.update(behaves)
        status = main(['measure', *arguments, '--repeats', '2', '--out', str(tmp_path / 'out')])
        printed = capsys.readouterr()
        return status, printed.out, printed.err.splitlines()

    return run


def test_a_table_and_rows(measure, tmp_path):
    status, out, err = measure('lenet5', 'resnet20', '--batch', '1,16')
    assert status == 0
    header, first, *_ = [line.split('\t') for line in out.splitlines()]
    assert header[:5] == ['arch', 'framework', 'batch', 'dtype', 'mode']
    assert first[:7] == ['lenet5', 'cnn_bench', '1', 'float32', 'inference', 'ok', '1.1']
    assert err == [
        'lenet5: 1.1 ms (1, float32, inference), 17.6 ms (16, float32, inference)',
        'resnet20: 1.1 ms (1, float32, inference), 17.6 ms (16, float32, inference)',
    ]
    status, out, _ = measure('lenet5', '--batch', '16', '--json')
    (row,) = json.loads(out)
    assert (row['arch'], row['batch'], row['latency_ms_p50']) == ('lenet5', 16, pytest.approx(17.6))
    assert len(load(tmp_path / 'out')) == 4


@pytest.mark.parametrize(
    ('within', 'across', 'said'),
    [
        (30.0, 10.0, 'noisy: calls of a round vary by 30 %'),
        (10.0, 33.3, 'noisy: rounds differ by 33 %'),
        (30.0, None, 'noisy: calls of a round vary by 30 %'),  # a row of before there was the column
    ],
)
def test_a_noisy_row_says_what_varies(measure, tmp_path, within, across, said):
    measure('lenet5')
    path = tmp_path / 'out' / 'rows.jsonl'
    row = {**json.loads(path.read_text()), 'spread_pct': within, 'spread_of_rounds_pct': across, 'noisy': True}
    path.write_text(json.dumps(row))
    assert said in ' '.join(measure('lenet5')[1].split())


def test_a_wrong_name_is_a_line_and_the_rest_is_measured(measure, tmp_path):
    status, _, err = measure('lenet6', 'lenet5')
    assert status == 2
    (line,) = [line for line in err if line.startswith('cnn-bench: error: ')]
    assert "unknown architecture 'lenet6'; did you mean lenet5 or " in line
    assert list(load(tmp_path / 'out')['arch']) == ['lenet5']


def test_a_network_that_fails_is_in_the_table(measure):
    status, out, _ = measure('lenet5', 'resnet20', resnet20='refuses')
    assert status == 0  # nobody said that there is one
    assert 'unsupported: no such network' in out
    status, out, _ = measure('fashion_cnn', '--batch', '2', fashion_cnn='dies')
    assert status == 1
    assert 'out_of_memory' in out


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['lenet5', '--batch', '0'], "argument --batch: '0' is not a whole number, at least 1"),
        (['lenet5', '--batch', '1,,2'], "argument --batch: '' is not a whole number"),
        (['lenet5', '--dtype', 'float16'], "--dtype is 'float16'; allowed: float32, bfloat16"),
        (['lenet5', '--mode', ''], '--mode is empty; allowed: inference, unfolded, training'),
        (['lenet5', '--against', 'keras'], "--against is 'keras'; allowed: "),
        (['lenet5', '--against', 'torch', '--torch-python', '/no/python'], '--torch-python /no/python is no Python'),
        (['lenet5', '--threads', '100000'], '--threads is 100000; this process may use'),
        (['lenet6'], "unknown architecture 'lenet6'; did you mean"),
        (['--preset', 'canzani'], "unknown preset 'canzani'; did you mean canziani?"),
        (['--family', 'lenets'], "unknown family 'lenets'"),
        (['lenet5', '--all'], 'give the names of networks, or one of'),
        ([], 'give the names of networks, or one of'),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(measure, tmp_path, arguments, said):
    status, out, err = measure(*arguments)
    assert (status, out, len(err)) == (2, '', 1)
    assert said in err[0]
    assert not (tmp_path / 'out').exists()


def test_a_device_that_is_not_there(tmp_path, capsys):
    """With a real worker: JAX alone knows what devices there are."""
    import jax

    if any(device.platform == 'gpu' for device in jax.devices()):
        pytest.skip('there is one')
    assert main(['measure', 'lenet5', '--devices', 'gpu', '--out', str(tmp_path / 'out')]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('cnn-bench: error: measure: there is no device to measure on: ')


def test_a_full_disk_leaves_what_was_measured(measure, tmp_path):
    measure('lenet5')
    before = (tmp_path / 'out' / 'rows.jsonl').read_bytes()
    turns = tmp_path / 'out' / 'turns.jsonl'
    with files_up_to(turns.stat().st_size + 500):
        status, _, err = measure('lenet5', 'resnet20')
    assert status == 1
    assert err[-1].startswith('cnn-bench: error: ')
    assert 'File too large' in err[-1]
    assert (tmp_path / 'out' / 'rows.jsonl').read_bytes() == before
    assert turns.read_bytes().endswith(b'\n')
    assert measure('lenet5', 'resnet20')[0] == 0


COMMAND = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from fake_contestant import fake
from cnn_bench.measure import contestants
contestants.ours = lambda devices: fake(Path({workers!r}))
from cnn_bench.cli import main
sys.exit(main())
"""


def test_ctrl_c_keeps_what_was_done_and_ends_the_workers(tmp_path):
    """A signal comes from outside: it has to reach a process of its own."""
    workers = tmp_path / 'workers'
    workers.mkdir()
    (workers / 'pause').write_text('0.2')
    code = COMMAND.format(tests=str(Path(__file__).parents[1] / 'measure'), workers=str(workers))
    arguments = ['measure', 'lenet5', 'resnet20', '--repeats', '50', '--out', str(tmp_path / 'out')]
    process = subprocess.Popen([sys.executable, '-c', code, *arguments], stderr=subprocess.PIPE, text=True)
    turns, deadline = tmp_path / 'out' / 'turns.jsonl', time.monotonic() + PATIENCE_S
    while not turns.exists() or turns.read_bytes().count(b'"turn"') < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    assert process.stderr.read().splitlines()[-1] == 'cnn-bench: stopped; what was finished is kept'
    pids = {json.loads(line)['pid'] for line in (workers / 'requests.jsonl').read_text().splitlines()}
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert all(json.loads(line) for line in turns.read_text().splitlines())


def test_the_preset_has_the_fourteen_networks_of_the_paper():
    from cnn_bench.models import registry

    assert len(PRESETS['canziani']) == len(set(PRESETS['canziani'])) == 14
    assert set(PRESETS['canziani']) <= set(registry.ARCHS)
