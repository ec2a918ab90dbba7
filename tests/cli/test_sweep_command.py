"""`cnn-bench sweep` from the command line's side: dry runs, several experiments, failures, bad input."""

import contextlib
import importlib.util
import json
import sys

import pytest

from cnn_bench.cli import main
from cnn_bench.runs import RunDirectory, load, schema, study

with contextlib.suppress(ImportError):
    # It configures logging when it is imported, which closes the stream of absl: in a test, that of pytest.
    import submitit  # noqa: F401

RECIPE = """
from cnn_bench.recipe import base

def get_config():
    config = base()
    config.dataset.name, config.devices = 'tiny', 1
    config.batch_size, config.eval_batch_size, config.total_epochs = 24, 20, 1
    return config
"""
EXPERIMENT = """
QUESTION, SOURCE = {question!r}, 'nobody'
HELD_EQUAL, RECIPE, PRESETS = ('epochs', 'macs'), 'recipe.py', {{'demo': {{}}, 'full': {{}}}}

def variants(preset):
    return {variants!r}

def report(table):
    return f'{{len(table)}} finished.'
"""
BAD = {'optimizer.learning_rate': 1e8, 'optimizer.weight_decay': 1e8}


@pytest.fixture
def sweep(tmp_path, tiny_data, monkeypatch, capsys):
    """Run `cnn-bench sweep` of experiments/NAME.py, all written for it; return its status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'experiments').mkdir()
    (tmp_path / 'recipe.py').write_text(RECIPE)
    for name, variants in {'good': {'a': {}}, 'mixed': {'a': {}, 'bad': BAD, 'b': {'seed': 0}}}.items():
        text = EXPERIMENT.format(question=f'Is it {name}?', variants=variants)
        (tmp_path / 'experiments' / f'{name}.py').write_text(text)

    def run(*words: str) -> tuple[int, str, str]:
        files = [word if word.startswith('-') or '/' not in word else f'{word}.py' for word in words]
        status = main(['sweep', *files, '--data-dir', tiny_data])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


GOOD, MIXED = 'experiments/good', 'experiments/mixed'
RATE, HELD_OUT = 'optimizer.learning_rate=log(0.01,1)', ('--config.dataset.validation_images=24',)
INLINE = '--executor', 'inline'  # a process for each trial takes seconds; the test of several experiments starts them


def test_a_dry_run_writes_nothing_and_knows_what_is_there(sweep, tmp_path):
    status, out, err = sweep(GOOD, '--dry-run', '--seeds', '2', '--jobs', '2')
    assert status == 0
    assert 'a-s0-' in out
    assert '\t61706\t' in out
    assert '2 of 2 trials to run, epochs held equal' in err
    assert 'within a factor of 10' in err
    assert not (tmp_path / 'runs').exists()
    assert sweep(GOOD, *INLINE)[0] == 0
    status, out, _ = sweep(GOOD, '--dry-run', '--seeds', '2', '--json')
    [plan] = json.loads(out)
    assert [(t['state'], t['measured'], t['macs'], t['steps']) for t in plan['trials']] == [
        ('finished', True, 416_520, 4),
        ('missing', True, 416_520, 4),
    ]
    assert plan['seconds_left'] == plan['trials'][1]['seconds'] > 0


def test_fields_are_set_for_all_variants(sweep, tmp_path):
    fields = '--config.total_steps=3', '--config.optimizer.learning_rate=0.02'
    status, _, _ = sweep(GOOD, *fields, *INLINE, '--out', 'set')
    assert status == 0
    [run] = (RunDirectory(path) for path in tmp_path.glob('set/trials/*'))
    assert run.read(schema.SUMMARY)['steps'] == 3
    assert run.read(schema.CONFIG)['optimizer']['learning_rate'] == 0.02
    assert study.read(tmp_path / 'set').changes == {'total_steps': '3', 'optimizer.learning_rate': '0.02'}
    status, _, err = sweep(GOOD, '--out', 'set')
    assert status == 2
    assert "of changes {'optimizer.learning_rate': '0.02', 'total_steps': '3'}, not {}" in err


def test_several_experiments_go_on_after_a_failure(sweep, tmp_path):
    status, out, err = sweep(MIXED, GOOD, '--out', 'all', '--jobs', '2')
    assert status == 1
    assert '2 finished.' in out
    assert '`cnn-bench report all/good` draws the charts' in out
    assert 'cnn-bench: error: mixed: 1 of 3 trials failed: bad-s0-' in err
    assert sorted(load(tmp_path / 'all').state) == ['diverged', 'finished', 'finished', 'finished']


def test_failures_are_kept_until_they_are_tried_again(sweep, tmp_path):
    assert sweep(MIXED, *INLINE, '--max-failures', '1', '--out', 'o')[0] == 1
    states = load(tmp_path / 'o').set_index('label').state
    assert dict(states) == {'a': 'finished', 'bad': 'diverged'}  # b was not started
    assert sweep(MIXED, *INLINE, '--out', 'o')[0] == 1
    bad = RunDirectory(next(tmp_path.glob('o/trials/bad-*')))
    assert bad.read(schema.PROVENANCE)['earlier_sessions'] == []
    status, _, err = sweep(MIXED, *INLINE, '--out', 'o', '--retry-failed')
    assert status == 1
    assert 'the loss of step' in err
    assert len(bad.read(schema.PROVENANCE)['earlier_sessions']) == 1
    assert set(load(tmp_path / 'o').state) == {'finished', 'diverged'}


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([GOOD, '--jobs', '0'], "'0' is not a whole number, at least 1"),
        ([GOOD, '--seeds', '0'], "'0' is not a whole number, at least 1 and at most 1,000"),
        ([GOOD, '--memory-limit', '-1'], "'-1' is not a number, at least 0"),
        ([GOOD, '--gpu-share', '0'], "'0' is not a number above 0"),
        ([GOOD, '--held-equal', 'mac'], 'did you mean macs'),
        ([GOOD, '--held-equal', 'seconds'], 'unknown --held-equal of good.py'),
        ([GOOD, '--preset', 'large'], "unknown preset 'large'"),
        ([GOOD, '--config.seed=3'], '--config.seed is not for sweeps'),
        ([GOOD, '--config.optimiser.name=sgd'], 'optimiser'),
        ([GOOD, '--lr=3'], 'fields are set with --config.FIELD=VALUE'),
        ([GOOD, '--json'], '--json needs --dry-run'),
        ([GOOD, '--storage', 's3://x'], 'need --executor ray'),
        ([GOOD, '--executor', 'inline', '--jobs', '2'], 'inline takes no --jobs'),
        ([GOOD, '--cpus', '2'], '--cpus needs --executor ray or slurm'),
        ([GOOD, '--partition', 'gpu', '--time', '60'], '--partition, --time needs --executor slurm'),
        ([GOOD, '--executor', 'slurm', '--gpu-share', '0.5'], 'takes --gpus, whole ones for each trial'),
        ([GOOD, '--executor', 'slurm', '--cpus', '1.5'], 'it is a whole number, at least 1'),
        ([GOOD, '--executor', 'slurm', '--sbatch', 'time=3'], '--sbatch time is set by --time'),
        ([GOOD, '--executor', 'slurm', '--sbatch', '-A x'], 'is not NAME=VALUE'),
        ([GOOD, 'experiments/mixd'], 'did you mean experiments/mixed.py'),
        ([GOOD, '--grid', 'model.width=1,2'], '--grid is for a recipe; experiments/good.py is an experiment'),
        ([GOOD, '--tune', RATE], '--tune needs --tune-trials N'),
        ([GOOD, '--tune-halving'], '--tune-halving needs --tune-trials N'),
        ([GOOD, '--skip-untuned'], '--skip-untuned needs --tune-trials N'),
        ([GOOD, '--tune-trials', '3'], 'as experiments/good.py has no TUNE; a range is log(LOW,HIGH)'),
        ([GOOD, '--tune-trials', '3', '--tune', 'batch_size=exp(1,2)'], 'is not FIELD=RANGE'),
        ([GOOD, '--tune-trials', '3', '--tune', RATE, '--tune-sampler', 'tp'], 'did you mean tpe'),
        ([GOOD, '--tune-trials', '3', '--tune', RATE], "variant 'a' has no validation images, by which values are"),
        ([GOOD, '--tune-trials', '3', '--tune', 'optimizer.lr=log(1,2)', *HELD_OUT], 'optimizer.lr'),
        ([], 'required: EXPERIMENT'),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(sweep, tmp_path, words, said):
    status, out, err = sweep(*words)
    assert status == 2
    assert said in err
    assert err.count('\n') == 1
    assert out == ''
    assert not (tmp_path / 'runs').exists()


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([GOOD, '--preset', 'full'], "of preset 'demo', not 'full'"),
        ([GOOD, '--held-equal', 'macs'], "of held equal 'epochs', not 'macs'"),
        ([MIXED], "of question 'Is it good?'"),
    ],
)
def test_one_directory_is_one_sweep(sweep, words, said):
    assert sweep(GOOD, *INLINE, '--config.total_steps=1', '--out', 'o')[0] == 0
    status, _, err = sweep(*words, '--config.total_steps=1', '--out', 'o')
    assert status == 2
    assert said in err


def test_without_ray(sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    status, _, err = sweep(GOOD, '--executor', 'ray')
    assert status == 2
    assert err == "cnn-bench: error: --executor ray needs Ray: pip install 'cnn_bench[ray]'\n"


def test_without_submitit_or_slurm(sweep, monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    if importlib.util.find_spec('submitit'):
        status, _, err = sweep(GOOD, '--executor', 'slurm')
        assert (status, err.count('\n')) == (2, 1)
        assert 'this machine has no sbatch and srun' in err
    monkeypatch.setitem(sys.modules, 'submitit', None)
    status, _, err = sweep(GOOD, '--executor', 'slurm')
    assert status == 2
    assert err == "cnn-bench: error: --executor slurm needs submitit: pip install 'cnn_bench[slurm]'\n"
    assert not (tmp_path / 'runs').exists()
