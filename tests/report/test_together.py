"""Several directories in one report: what is joined, what is told apart, and what each keeps for itself."""

import json
from pathlib import Path

import pytest
from run_files import PROVENANCE, write_run
from sweeps import write_sweep

from cnn_bench.analysis import published, verdicts
from cnn_bench.analysis.summary import summarise
from cnn_bench.errors import UserError
from cnn_bench.report import data, together
from cnn_bench.report.charts import catalogue
from cnn_bench.report.write import write_runs

HERE = {'plain': [16.0, 18.0], 'resnet': [12.0, 12.4]}
THERE = {'plain': [20.0, 22.0, 24.0], 'shallow': [30.0, 31.0, 32.0]}


@pytest.fixture(scope='module')
def sweeps(tmp_path_factory):
    """Two sweeps; `plain` is the same in both."""
    root = tmp_path_factory.mktemp('together')
    return write_sweep(root / 'here', HERE), write_sweep(root / 'there', THERE, question='And depth?', answer='*Yes*.')


def _sweep(path: Path, errors: dict = THERE, **changes) -> Path:
    """A sweep whose runs have other values in their provenance, and another `dataset` in their config."""
    write_sweep(path, errors)
    config = {'dataset': {'name': changes.pop('dataset', 'd')}}
    for run in (path / 'trials').iterdir():
        for name, values in (('config.json', config), ('provenance.json', changes)):
            content = json.loads((run / name).read_text())
            (run / name).write_text(json.dumps({**content, **values}))
    return path


def test_one_directory_is_read_as_ever(sweeps):
    made = together.read(sweeps[:1])
    assert made.parts == ()
    assert list(made.table.run) == list(data.read(sweeps[0]).table.run)
    assert (made.title, made.answer) == ('Do shortcuts <help>?', 'They **do**.')


def test_the_same_in_both_is_one_configuration(sweeps):
    made = together.read(sweeps)
    summary = made.summary.set_index('label')
    assert set(summary.index) == {'plain', 'resnet', 'shallow'}
    # by hand: seed 0 is (16 + 20) / 2, seed 1 (18 + 22) / 2, seed 2 is 24
    assert [seed.error for seed in summary.by_seed['plain']] == [18.0, 20.0, 24.0]
    assert summary.top1_err_pct['plain'] == pytest.approx(62 / 3)
    assert made.remarks[0].endswith('seeds of one configuration: plain.')
    assert set(made.table.run) == {
        f'{path.name}/trials/{name}-s{seed}'
        for path, errors in zip(sweeps, (HERE, THERE), strict=True)
        for name, found in errors.items()
        for seed in range(len(found))
    }


def test_each_study_is_judged_by_its_own_runs(sweeps):
    made = together.read(sweeps)
    alone = [verdicts.lines(data.read(sweep).judgements) for sweep in sweeps]
    assert made.verdict_lines == [f'here: {line}' for line in alone[0]] + [f'there: {line}' for line in alone[1]]
    assert [found.line for found in made.judgements] == [line.split(' -- ')[1] for lines in alone for line in lines]
    assert made.title == 'Error against cost: here, there'


@pytest.mark.parametrize(
    'change',
    [
        {'code': {'modules': {'cnn_bench/training/step.py': 'abc'}}},
        {'data': {'name': 'd', 'fingerprint': 'cd' * 32}},
        {'network': {**PROVENANCE['network'], 'params': 9}},
    ],
    ids=['code', 'data', 'network'],
)
def test_one_label_for_two_things_is_told_apart(sweeps, tmp_path, change):
    if 'code' in change:  # of which the first has a record too
        here = _sweep(tmp_path / 'here', HERE, code={'modules': {'cnn_bench/training/step.py': 'def'}})
    else:
        here = sweeps[0]
    made = together.read([here, _sweep(tmp_path / 'there', **change)])
    errors = made.summary.set_index('label').top1_err_pct
    assert (errors['plain (here)'], errors['plain (there)']) == (17.0, 22.0)
    assert {'resnet', 'shallow'} < set(errors.index)
    assert 'differ: plain.' in ' '.join(made.remarks)
    assert catalogue.make('differences', made) is None  # there is no `plain` to compare with
    assert any('differences from a baseline' in remark.lower() for remark in made.remarks)
    drawn = catalogue.make('learning_curves', made)
    assert {line.label for line in drawn.lines} == set(errors.index)


def test_of_three_those_that_agree_share_a_name(sweeps, tmp_path):
    third = _sweep(tmp_path / 'third', data={'name': 'd', 'fingerprint': 'cd' * 32})
    labels = set(together.read([*sweeps, third]).summary.label)
    assert labels == {'plain (here, there)', 'plain (third)', 'resnet', 'shallow (there)', 'shallow (third)'}


def test_two_data_sets_are_not_mixed(sweeps, tmp_path):
    other = _sweep(tmp_path / 'other', {'plain': [5.0], 'better': [3.0]}, dataset='easy', data={'fingerprint': 'ee'})
    made = together.read([sweeps[0], other])
    (told, *_) = made.remarks
    assert 'here: d at 28x28x1; other: easy at 28x28x1' in told
    assert 'cannot be compared' in told
    front = made.summary.set_index('label').front
    # alone, `plain` is the cheapest and `resnet` the better one; the other data set's errors beat none of them
    assert front.to_dict() == {'plain': True, 'resnet': True, 'plain (other)': True, 'better (other)': True}
    assert made.members == []
    write_runs(made, tmp_path / 'report')
    assert 'cannot be compared' in (tmp_path / 'report' / 'index.html').read_text()
    assert 'cannot be compared' in (tmp_path / 'report' / 'results.md').read_text()


def test_two_resolutions_are_told(sweeps, tmp_path):
    other = _sweep(tmp_path / 'wide', network={**PROVENANCE['network'], 'input_shape': [32, 32, 1]})
    (told, *_) = together.read([sweeps[0], other]).remarks
    assert 'here: d at 28x28x1; wide: d at 32x32x1' in told
    assert 'several resolutions' in told


def test_all_is_told_of_runs_by_their_directory(sweeps, tmp_path):
    there = _sweep(tmp_path / 'there')
    write_run(there / 'trials' / 'stray', summary={'state': 'finished', 'top1_err_pct': 1.0}, name='plain')
    (there / 'trials' / 'plain-s1' / 'predictions.npz').write_bytes(b'no zip')
    made = together.read([sweeps[0], there])
    assert [name for name, _ in made.left_out] == ['plain, seed 0 (there/trials/stray)']
    assert list(made.damaged_predictions) == ['there/trials/plain-s1']
    assert set(made.predictions) == set(made.table.run[made.table.state == 'finished']) - {
        'there/trials/plain-s1',
        'there/trials/stray',
    }
    assert set(made.configs) == set(made.table.run)


def test_the_page_has_each_question_with_its_verdicts(sweeps, tmp_path):
    page = write_runs(together.read(sweeps), tmp_path / 'report').read_text()
    asked = (
        '<h2>here: Do shortcuts &lt;help&gt;?</h2>',
        'They <strong>do</strong>',
        '<h2>there: And depth?</h2>',
        '<em>Yes</em>',
    )
    for texts in (asked, ('id="hypotheses"', 'id="hypotheses2"')):
        order = [page.index(text) for text in texts]
        assert order == sorted(order)
    first, second = page.partition('id="hypotheses"')[2].split('id="hypotheses2"')
    # by hand: plain minus resnet is 4.0 and 5.6 here; shallow minus plain is 10, 9 and 8 there
    assert ('4.80' in first, '9.00' in first, '9.00' in second) == (True, False, True)
    text = (tmp_path / 'report' / 'results.md').read_text()
    assert '## there: And depth?\n\n*Yes*.' in text
    assert 'there: Shortcuts help a deep network' in text


def test_published_results_stand_beside(sweeps, tmp_path):
    made = together.read(sweeps[:1], with_published=True)
    assert (made.title, made.answer) == ('Do shortcuts <help>?', 'They **do**.')
    assert made.verdict_lines == verdicts.lines(data.read(sweeps[0]).judgements)
    own = made.summary.source.eq('measured')
    assert set(made.summary.label[own]) == {'plain', 'resnet'}
    alone = summarise(published.table()).set_index('label')
    beside = made.summary[~own].set_index('label')
    assert set(beside.index) == {f'{label} (published)' for label in alone.index}
    assert {name.removesuffix(' (published)') for name in beside.index[beside.front]} == set(alone.index[alone.front])
    assert 'published: imagenet at' in made.remarks[0]
    assert made.baseline == 'plain'
    chart = catalogue.make('accuracy_vs_macs', made)
    assert {point.among.partition(',')[0] for point in chart.points} == {'d', 'imagenet'}


@pytest.mark.parametrize(
    ('directories', 'said'),
    [
        (['runs/a'], ['a']),
        (['runs/a', 'runs/b'], ['a', 'b']),
        (['results/a/logs', 'results/b/logs'], ['a', 'b']),
        (['2025/a', '2026/a', '2026/b'], ['2025/a', '2026/a', '2026/b']),
        (['x', './y/'], ['x', 'y']),
    ],
)
def test_the_names_of_directories(directories, said):
    assert together.names(directories) == said


def test_the_place_of_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('runs/a', 'runs/b/c'):
        (tmp_path / name).mkdir(parents=True)
    assert together.place(['runs/a']) == Path('runs/a/report')
    assert together.place(['runs/a', 'runs/b/c']) == Path('runs/report')
    assert together.place([tmp_path / 'runs/a', 'runs/b/c']) == tmp_path / 'runs/report'
    with pytest.raises(UserError, match='there is no directory runs/d'):
        together.place(['runs/a', 'runs/d'])
    with pytest.raises(UserError, match='choose one with --out'):
        together.place(['runs/a', '/proc'])


def test_no_run_counts_twice(sweeps):
    here, there = sweeps
    with pytest.raises(UserError, match='would count twice'):
        together.read([here, there, here])
    with pytest.raises(UserError, match='would count twice'):
        together.read([here / 'trials' / 'plain-s0', here])
