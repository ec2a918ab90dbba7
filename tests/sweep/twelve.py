"""A sweep of twelve trials of which three fail, each in its own way, and what must be true at its end."""

import json
import subprocess
import sys
from pathlib import Path

from cnn_bench.runs import RunDirectory, load, schema

REPOSITORY = Path(__file__).parents[2]
GOOD = {f'good{i}': {'optimizer.learning_rate': 0.02 + 0.01 * i} for i in range(9)}
FAILING = {
    'crashes': {
        'model.dtype': 'float32',
        'dataset.workers': 0,
        'optimizer.momentum': 0.5,
        'optimizer.name': 'adafactor',
        'optimizer.weight_decay_rate': 0.1,
        'optimizer.weight_decay_mask': ('x',),  # a tree unlike the parameters
    },
    'diverges': {'optimizer.learning_rate': 1e8, 'optimizer.weight_decay': 1e8},
    'too_large': {'model.width': 300.0},  # its last layers alone have 17 GB of weights
}
STATES = {'crashes': 'crashed', 'diverges': 'diverged', 'too_large': 'out_of_memory'}
MEMORY_GIB = 8


def variants(epochs: int) -> dict[str, dict]:
    """Good and failing ones in turn, each of `epochs` epochs."""
    names = [*list(GOOD)[:2], 'crashes', *list(GOOD)[2:4], 'too_large', *list(GOOD)[4:6], 'diverges', *list(GOOD)[6:]]
    return {name: {**{**GOOD, **FAILING}[name], 'total_epochs': epochs, 'log_every_steps': 4} for name in names}


def start(experiment: Path, out: Path, data_dir: str, *flags: str, **options) -> subprocess.Popen:
    """`cnn-bench sweep` of the twelve, its output kept."""
    command = [sys.executable, '-m', 'cnn_bench', 'sweep', str(experiment), '--out', str(out), '--data-dir', data_dir]
    return subprocess.Popen(
        [*command, '--memory-limit', str(MEMORY_GIB), *flags],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def finished(out: Path) -> dict[str, int]:
    """Trial id -> when its summary was written, of those that are finished."""
    found = {}
    for path in out.glob(f'trials/*/{schema.SUMMARY}'):
        if json.loads(path.read_text())['state'] == 'finished':
            found[path.parent.name] = path.stat().st_mtime_ns
    return found


def results(out: Path) -> dict[str, tuple]:
    """Trial id -> state and error, from the tidy table."""
    table = load(out)
    return {row.run.rpartition('/')[2]: (row.state, row.top1_err_pct) for row in table.itertuples()}


def assert_nine_finished_and_three_explained(out: Path) -> None:
    """In the table, in the trials' own records and in sweep.json."""
    states = load(out).set_index('label').state
    assert {name: states[name] for name in STATES} == STATES
    assert set(states.drop(list(STATES))) == {'finished'}
    assert len(states) == 12
    record = RunDirectory(out).read('sweep.json')
    assert {trial['name']: trial['state'] for trial in record['trials']} == dict(states)
    reasons = {trial['name']: trial['reason'] for trial in record['trials'] if 'reason' in trial}
    assert set(reasons) == set(STATES)
    assert 'the loss of step' in reasons['diverges']
    assert record['answer'] == '9 finished.'
