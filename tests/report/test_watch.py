"""The loop that writes a report again, by events in place of time; and reports of runs that are still training."""

import json
import shutil

import measured_rows
import pytest
from run_files import eval_row, write_run
from sweeps import write_sweep

from cnn_bench import runs
from cnn_bench.errors import UserError
from cnn_bench.files import locked
from cnn_bench.report import data, watch
from cnn_bench.report.charts import catalogue
from cnn_bench.report.data import NothingYet
from cnn_bench.report.write import write_runs
from cnn_bench.runtime.signals import Interrupted


@pytest.fixture
def sweep(tmp_path):
    return write_sweep(tmp_path / 'sweep', {'plain': [16.0, 16.9], 'resnet': [12.0, 12.3]})


def _begin(sweep, steps=2):
    """Another seed of `plain`, `steps` epochs into its training."""
    config, provenance = (
        json.loads((sweep / 'trials' / 'plain-s0' / name).read_text()) for name in ('config.json', 'provenance.json')
    )
    rows = [eval_row(4 * epoch, 50.0 - 10 * epoch) for epoch in range(1, steps + 1)]
    trial = {'id': 'plain-s7', 'name': 'plain', 'seed': 7, 'state': 'unfinished'}
    record = json.loads((sweep / 'sweep.json').read_text())
    if trial not in record['trials']:
        (sweep / 'sweep.json').write_text(json.dumps({**record, 'trials': [*record['trials'], trial]}))
    return write_run(sweep / 'trials' / 'plain-s7', rows, provenance=provenance, **{**config, 'seed': 7})


class Story:
    """Events, one per pause; then Ctrl-C. `log` has what was written, said and waited."""

    def __init__(self, *events, error=None):
        self.events, self.log, self.errors = list(events), [], list(error or [])

    def write(self):
        error = self.errors.pop(0) if self.errors else None
        self.log.append('fails' if error else 'writes')
        if error:
            raise error

    def say(self, text):
        self.log.append(text)

    def pause(self, seconds):
        self.log.append(seconds)
        if not self.events:
            raise Interrupted(2)
        self.events.pop(0)()

    def follow(self, sweep, write=None, up_to_date=False):
        watch.follow([sweep], write or self.write, self.say, 30.0, up_to_date, self.pause)


def nothing():
    pass


def test_it_writes_when_runs_change_and_not_too_often(sweep):
    story = Story(nothing, nothing, lambda: _begin(sweep), nothing)
    story.follow(sweep)
    wait = watch.POLL_S
    assert story.log == ['writes', 30.0, wait, wait, 'writes', 30.0, wait]


def test_what_changes_while_it_writes_is_in_the_next(sweep):
    story = Story(nothing, nothing)
    write, changes = story.write, [lambda: _begin(sweep)]

    def write_slowly():
        write()
        if changes:
            changes.pop()()

    story.follow(sweep, write_slowly)
    assert story.log == ['writes', 30.0, 'writes', 30.0, watch.POLL_S]


def test_it_waits_for_the_first_finished_run_and_says_so_once(sweep):
    begin = [lambda steps=steps: _begin(sweep, steps) for steps in (1, 2)]
    story = Story(*begin, nothing, error=[NothingYet('no run is finished'), NothingYet('no run is finished')])
    story.follow(sweep)
    wait = watch.POLL_S
    assert story.log == ['fails', 'no run is finished', wait, 'fails', wait, 'writes', 30.0, wait]


def test_bad_input_ends_it_at_first_and_is_told_later(sweep):
    with pytest.raises(UserError, match='damaged'):
        Story(error=[UserError('damaged')]).follow(sweep)
    story = Story(lambda: _begin(sweep), lambda: shutil.rmtree(sweep / 'trials' / 'plain-s7'))
    story.errors = [None, UserError('damaged')]
    story.follow(sweep)
    assert story.log == ['writes', 30.0, 'fails', 'damaged', watch.POLL_S, 'writes', 30.0]


def test_a_report_that_is_up_to_date_is_left(sweep):
    story = Story(nothing, lambda: _begin(sweep))
    story.follow(sweep, up_to_date=True)
    assert story.log == [watch.POLL_S, watch.POLL_S, 'writes', 30.0]


def test_another_signal_is_no_ctrl_c(sweep):
    def ended():
        raise Interrupted(15)

    story = Story(ended)
    with pytest.raises(Interrupted):
        story.follow(sweep)


def test_the_state_is_that_of_every_file_a_report_reads(sweep):
    run = _begin(sweep)
    seen = [watch.state([sweep])]
    run.append([eval_row(12, 15.0)])
    seen.append(watch.state([sweep]))
    with locked(run.path):
        seen.append(watch.state([sweep]))
    seen.append(watch.state([sweep]))
    assert seen[3] == seen[1]
    for path, text in (
        (run / 'summary.json', '{"state": "diverged"}'),
        (run / 'predictions.npz', 'x'),
        (sweep / 'sweep.json', '{}'),
        (sweep / 'untuned' / 'a' / 'config.json', '{}'),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        seen.append(watch.state([sweep]))
    assert not [i for i in range(len(seen) - 1) if seen[i] == seen[i + 1]]
    assert watch.newest([sweep]) == max(path.stat().st_mtime_ns for path in sweep.rglob('*') if path.is_file())


def test_a_run_in_training_is_told_and_drawn(sweep, tmp_path):
    run = _begin(sweep)
    with locked(run.path):
        found = data.read(sweep)
        assert found.left_out == [('trials/plain-s7', 'running: step 8 of 8, validation error 30.00 %')]
        line = watch.write_now(found, tmp_path / 'report')
    assert line.endswith('report/index.html: 4 of 5 runs finished, 1 running')
    series = {one.label: one for one in catalogue.make('learning_curves', found).lines}
    assert set(series) == {'plain', 'resnet', 'plain, seed 7 (running)'}
    assert series['plain, seed 7 (running)'].curves['val'].y == (40.0, 30.0)
    assert series['plain'].curves['val'].x == (1.0, 2.0, 3.0, 4.0)  # not cut to where the running one is
    assert data.read(sweep).left_out[0][1].startswith('stopped: step 8 of 8')


def test_what_was_measured_is_followed(tmp_path):
    before = watch.state([measured_rows.write(tmp_path / 'm', [measured_rows.row()])])
    measured_rows.write(tmp_path / 'm', [measured_rows.row(), measured_rows.row('vgg16')])
    assert before != watch.state([tmp_path / 'm'])


def test_nothing_yet(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(NothingYet, match='holds no run'):
        data.read(tmp_path / 'empty')
    lone = tmp_path / 'lone'
    write_run(lone / 'a', [eval_row(4, 40.0)])
    with pytest.raises(NothingYet, match='none of 1 runs is finished'):
        write_runs(data.read(lone), tmp_path / 'report')


HALF_WRITTEN = {
    'no provenance': lambda run: (run / 'provenance.json').unlink(),
    'no rows': lambda run: (run / 'metrics.jsonl').unlink(),
    'half a row': lambda run: (run / 'metrics.jsonl').write_text('{"kind": "train", "st'),
    'no config': lambda run: (run / 'config.json').unlink(),
    'no directory': lambda run: shutil.rmtree(run.path),
    'finished': lambda run: run.write('summary.json', {'state': 'finished', 'top1_err_pct': 9.0}),
}


@pytest.mark.parametrize('change', HALF_WRITTEN.values(), ids=HALF_WRITTEN)
@pytest.mark.parametrize('moment', ['before', 'after the predictions', 'after the table', 'after the curves'])
def test_runs_that_change_while_they_are_read(sweep, tmp_path, monkeypatch, change, moment):
    run = _begin(sweep)
    after = {'after the predictions': 'read_predictions', 'after the table': 'load', 'after the curves': 'curves'}
    if moment == 'before':
        change(run)
    else:
        owner = data if moment == 'after the predictions' else runs
        original, left = getattr(owner, after[moment]), [change]

        def then_it_changes(*args):
            found = original(*args)
            if left:
                left.pop()(run)
            return found

        monkeypatch.setattr(owner, after[moment], then_it_changes)
    found = data.read(sweep)
    assert {'plain', 'resnet'} == set(found.summary.label)
    first, more = catalogue.choose(found)
    assert {'learning_curves', 'differences'} <= {chart.name for chart in (*first, *more)}
    assert found.judgements
