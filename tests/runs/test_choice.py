"""A sweep's directory after a change of recipe, of data, or of the experiment's variants."""

import pytest
from run_files import PROVENANCE, write_run

from cnn_bench import runs
from cnn_bench.runs import choice, study
from cnn_bench.runs.study import Study

DONE = {'state': 'finished', 'top1_err_pct': 10.0}


def made(path, *given, seeds=3, unlisted=()):
    """A sweep of (variant, seed, hour at which it began, learning rate, fields of its provenance)."""
    trials = []
    for name, seed, hour, rate, *fields in given:
        trial = f'{name}-s{seed}-{rate}{"".join(fields[0]) if fields else ""}'
        provenance = {**PROVENANCE, 'started': f'2026-02-03T{hour:02}:00:00+00:00', 'earlier_sessions': []}
        provenance |= fields[0] if fields else {}
        summary = None if hour > 20 else DONE
        write_run(path / 'trials' / trial, [], summary, provenance, name=name, seed=seed, optimizer={'rate': rate})
        if trial not in unlisted:
            trials.append({'id': trial, 'name': name, 'seed': seed, 'state': 'finished'})
    fields = ('x.py', 'Why?', 's', 'demo', seeds, 'epochs', '', (), (), tuple(trials))
    study.write(path, Study(*fields))
    found = choice.choose(path, runs.load(path))
    return list(found.table.run.str.removeprefix('trials/')), found


def rate(value, *seeds, hour):
    return [('a', seed, hour, value) for seed in seeds]


def test_the_newest_complete_recipe_stands(tmp_path):
    old, new = rate(0.1, 0, 1, 2, hour=4), rate(0.2, 0, 1, 2, hour=9)
    standing, found = made(tmp_path, *old, *new)
    assert standing == ['a-s0-0.2', 'a-s1-0.2', 'a-s2-0.2']
    (others,) = found.others
    assert (others.label, len(others.runs), others.why) == ('a', 3, choice.OTHER_RECIPE)
    assert others.instead == 'trials/a-s0-0.2'


@pytest.mark.parametrize(
    ('new', 'stands'), [(rate(0.2, 0, 1, hour=9), 0.1), ([*rate(0.2, 0, 1, hour=9), ('a', 2, 22, 0.2)], 0.1)]
)
def test_until_the_new_one_is_complete_the_old_one_stands(tmp_path, new, stands):
    """With two of three seeds, and with the third unfinished."""
    standing, _ = made(tmp_path, *rate(0.1, 0, 1, 2, hour=4), *new)
    assert {float(run.split('-')[2]) for run in standing} == {stands}


def test_without_a_complete_one_that_with_the_most_seeds_stands(tmp_path):
    standing, _ = made(tmp_path, *rate(0.1, 0, 1, hour=4), *rate(0.2, 0, hour=9))
    assert standing == ['a-s0-0.1', 'a-s1-0.1']


def test_more_seeds_than_asked_for_do_not_keep_an_old_recipe(tmp_path):
    standing, _ = made(tmp_path, *rate(0.1, 0, 1, 2, hour=4), *rate(0.2, 0, 1, hour=9), seeds=2)
    assert standing == ['a-s0-0.2', 'a-s1-0.2']


def test_other_data_and_another_network_are_another_recipe(tmp_path):
    wider = {'network': {**PROVENANCE['network'], 'macs': 8}}
    standing, found = made(tmp_path, ('a', 0, 4, 0.1), ('a', 1, 9, 0.1, wider), seeds=1)
    assert standing == ['a-s1-0.1network']
    assert [other.runs for other in found.others] == [('trials/a-s0-0.1',)]


def test_code_that_computes_is_part_of_the_recipe(tmp_path):
    """Of a block, but not of a table's columns; a run without a record may be of any code."""
    old = {'code': {'modules': {'cnn_bench/models/block.py': '1', 'cnn_bench/runs/columns.py': '1'}}}
    new = {'code': {'modules': {'cnn_bench/models/block.py': '2', 'cnn_bench/runs/columns.py': '1'}}}
    same = {'code': {'modules': {'cnn_bench/models/block.py': '2', 'cnn_bench/runs/columns.py': '9'}}}
    standing, found = made(
        tmp_path, ('a', 0, 4, 0.1, old), ('a', 1, 5, 0.1, new), ('a', 2, 6, 0.1, same), ('a', 3, 7, 0.1), seeds=4
    )
    assert standing == ['a-s1-0.1code', 'a-s2-0.1code', 'a-s3-0.1']
    assert [other.runs for other in found.others] == [('trials/a-s0-0.1code',)]


def test_only_runs_that_the_sweep_lists_stand(tmp_path):
    """Of runs that it does not list, one has the recipe of one that it does, one another, one is of no variant."""
    given = [('a', 0, 4, 0.1), ('a', 1, 4, 0.1), ('a', 0, 9, 0.2), ('gone', 0, 4, 0.1)]
    unlisted = ('a-s1-0.1', 'a-s0-0.2', 'gone-s0-0.1')
    standing, found = made(tmp_path, *given, unlisted=unlisted, seeds=1)
    assert standing == ['a-s0-0.1']
    assert {other.runs[0].removeprefix('trials/'): other.why for other in found.others} == {
        'a-s1-0.1': choice.NOT_LISTED,
        'a-s0-0.2': choice.OTHER_RECIPE,
        'gone-s0-0.1': choice.NOT_LISTED,
    }
    (tmp_path / study.RECORD).unlink()
    assert len(choice.choose(tmp_path, runs.load(tmp_path)).table) == 4
