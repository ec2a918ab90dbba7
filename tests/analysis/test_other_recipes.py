"""A report of a sweep whose recipe was changed: nothing mixes, and what differs is said."""

import json

import pandas as pd
from run_files import write_run
from sweeps import write_sweep

from cnn_bench.analysis import other_recipes
from cnn_bench.report import data
from cnn_bench.report.write import write_runs
from cnn_bench.runs import RunDirectory, schema, study
from cnn_bench.runs.choice import OTHER_RECIPE, Others


def test_no_mean_mixes_and_what_differs_is_listed(tmp_path):
    write_sweep(tmp_path / 'sweep', {'plain': [16.0, 17.0], 'resnet': [12.0, 13.0]}, hypotheses=())
    made_by = study.read(tmp_path / 'sweep')
    for seed in (0, 1):
        old = RunDirectory(tmp_path / 'sweep' / 'trials' / f'plain-s{seed}')
        config, provenance = old.config(), old.read(schema.PROVENANCE)
        config['total_epochs'] = 7
        provenance |= {'started': '2026-03-03T04:00:00+00:00', 'earlier_sessions': []}
        new = tmp_path / 'sweep' / 'trials' / f'plain-s{seed}-new'
        write_run(new, old.metrics(), {'state': 'finished', 'top1_err_pct': 30.0 + seed}, provenance, **config)
    trials = [{'id': f'plain-s{seed}-new', 'name': 'plain', 'seed': seed, 'state': 'finished'} for seed in (0, 1)]
    content = json.loads((tmp_path / 'sweep' / study.RECORD).read_text())
    content['trials'] = [*trials, *made_by.trials]
    (tmp_path / 'sweep' / study.RECORD).write_text(json.dumps(content))

    made = data.read(tmp_path / 'sweep')
    assert made.summary.set_index('label').top1_err_pct.to_dict() == {'plain': 30.5, 'resnet': 12.5}
    assert made.left_out == [
        (
            'plain, seeds 0, 1 (trials/plain-s0, trials/plain-s1)',
            'another recipe; as shown, and here: total_epochs: 7, 4',
        )
    ]
    out = write_runs(made, tmp_path / 'report').parent
    assert len(pd.read_csv(out / 'results.csv')) == 6
    for name in ('results.md', 'index.html'):
        assert 'total_epochs: 7, 4' in (out / name).read_text()


def test_other_code_is_named_by_its_files():
    table = pd.DataFrame({'run': ['a', 'b'], 'seed': [0, 1], 'recipe': 'r', 'data_fingerprint': None, 'params': 1})
    table['macs'] = 1
    code = {'a': {'cnn_bench/models/x.py': '1', 'same.py': '1'}, 'b': {'cnn_bench/models/x.py': '2', 'same.py': '1'}}
    others = Others('net', ('a',), OTHER_RECIPE, 'b')
    assert other_recipes.described(others, table, {}, code) == (
        'net, seed 0 (a)',
        'the same recipe by other code: cnn_bench/models/x.py',
    )
