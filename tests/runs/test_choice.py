"""A sweep's directory after a change of recipe, of data, or of the experiment's variants."""

import pytest
from run_files import PROVENANCE, write_run

from cnn_bench import runs
from cnn_bench.runs import choice, study
from cnn_bench.runs.study import Study

DONE = {'state': 'finished', 'top1_err_pct': 10.0}


def made(path, *given, seeds=3, variants=('a',), unlisted=()):
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
    study.write(path, Study(*fields, variants=variants))
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
    assert found.in_words() == 'Runs of other recipes or earlier variants are left out: a (3).'


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


def test_runs_that_the_sweep_does_not_know(tmp_path):
    given = [('a', 0, 4, 0.1), ('a', 1, 4, 0.1), ('gone', 0, 4, 0.1)]
    standing, found = made(tmp_path, *given, unlisted=('a-s1-0.1',), seeds=1)
    assert standing == ['a-s0-0.1']
    assert {other.label: other.why for other in found.others} == {'a': choice.NOT_LISTED, 'gone': choice.NO_VARIANT}
    (tmp_path / study.RECORD).unlink()
    assert len(choice.choose(tmp_path, runs.load(tmp_path)).table) == 3
