"""The list of runs, for runs made by hand."""

import subprocess
import sys

import pytest
from run_files import eval_row, train_row, write_run

from cnn_bench.files import locked
from cnn_bench.runs import schema
from cnn_bench.runs.listing import Listed, natural, survey

ROWS = [train_row(2), train_row(4), eval_row(4, 10.0), train_row(6), eval_row(6, 30.0)]
STARTED = '2026-02-03T02:05:06+00:00'  # of the first session, in UTC


def test_a_finished_run(tmp_path):
    rows = [*ROWS, train_row(8), eval_row(8, 20.0)]
    write_run(tmp_path / 'run', rows, {'state': 'finished', 'top1_err_pct': 21.0}, seed=3)
    assert survey(tmp_path) == [
        Listed('run', 'resnet20 x0.5', 'finished', 10.0, 20.0, 21.0, 8, 8, 3, '2 x abacus', STARTED),
    ]


def test_a_run_is_running_while_a_process_holds_its_lock(tmp_path):
    def listed(state, step):
        return [Listed('.', 'resnet20 x0.5', state, 10.0, 30.0, None, step, 8, 0, '2 x abacus', STARTED)]

    run = write_run(tmp_path, ROWS)
    assert survey(tmp_path) == listed('unfinished', 6)  # it never trained here
    with locked(tmp_path):
        assert survey(tmp_path) == listed('running', 6)
    assert survey(tmp_path) == listed('stopped', 6)
    (run / schema.CHECKPOINTS / '7').mkdir(parents=True)  # the steps of a window that was cut short are saved
    assert survey(tmp_path) == listed('stopped', 7)


def test_a_killed_run_is_stopped(tmp_path):
    write_run(tmp_path, ROWS)
    hold = 'import sys\nfrom cnn_bench.files import locked\nwith locked(sys.argv[1]):\n print(1, flush=True)\n input()'
    command = [sys.executable, '-c', hold, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert [run.state for run in survey(tmp_path)] == ['running']
        process.kill()
    assert [run.state for run in survey(tmp_path)] == ['stopped']


def test_a_run_that_has_only_begun(tmp_path):
    write_run(tmp_path, provenance=None)
    assert survey(tmp_path) == [Listed('.', 'resnet20 x0.5', 'unfinished', seed=0)]


def test_a_diverged_run_says_why(tmp_path):
    write_run(tmp_path, ROWS[:1], {'state': 'diverged', 'reason': 'the loss of step 4 is nan'}, age_s=0)
    [listed] = survey(tmp_path)
    assert (listed.state, listed.problem) == ('diverged', 'the loss of step 4 is nan')
    assert (listed.step, listed.best_val_top1_err_pct, listed.last_val_top1_err_pct) == (2, None, None)


def test_an_error_that_is_not_a_number_is_no_best(tmp_path):
    write_run(tmp_path, [eval_row(4, 10.0), eval_row(8, float('nan'))])
    [listed] = survey(tmp_path)
    assert (listed.best_val_top1_err_pct, listed.last_val_top1_err_pct) == (10.0, 10.0)


@pytest.mark.parametrize(
    ('name', 'content', 'said'),
    [
        (schema.CONFIG, '{', 'cannot be read'),
        (schema.CONFIG, '{"architectures": ["ResNet"]}', 'name is missing'),  # another tool's
        (schema.PROVENANCE, '{}', 'versions is missing'),
        (schema.METRICS, '{"kind": "train"}\n', 'line 1 of'),
        (schema.METRICS, '{"kind": "val", "step": 4, "epoch": 1, "top1_err_pct": "low"}\n', "top1_err_pct is 'low'"),
        (schema.SUMMARY, '{"state": "fin', 'cannot be read'),
    ],
)
def test_damaged_runs_are_listed_with_the_reason(tmp_path, name, content, said):
    write_run(tmp_path / 'a', ROWS)
    (write_run(tmp_path / 'b', ROWS, {'state': 'finished'}) / name).write_text(content)
    write_run(tmp_path / 'c', ROWS)
    listed = survey(tmp_path)
    assert [run.state for run in listed] == ['unfinished', 'damaged', 'unfinished']
    assert said in listed[1].problem
    assert str(tmp_path / 'b') in listed[1].problem


def test_numbers_in_names_sort_by_value(tmp_path):
    for name in ('net-10', 'net-9', 'alone', '2', 'net-9-b'):
        write_run(tmp_path / name)
    assert [run.run for run in survey(tmp_path)] == ['2', 'alone', 'net-9', 'net-9-b', 'net-10']
    assert natural('²') == [(True, '²')]
