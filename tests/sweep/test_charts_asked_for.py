from pathlib import Path

import pytest

import cnn_bench
from cnn_bench.errors import UserError
from cnn_bench.sweep.experiment import Experiment

POOLING = Path(cnn_bench.__file__).parents[1] / 'experiments' / 'pooling.py'


def test_an_unknown_chart_is_refused_before_anything_runs(tmp_path):
    (tmp_path / 'experiments').mkdir()
    broken = tmp_path / 'experiments' / 'pooling.py'
    broken.write_text(POOLING.read_text().replace("'error_overlap'", "'error_overlaps'"))
    with pytest.raises(UserError, match=r"'error_overlaps'; did you mean error_overlap\?"):
        Experiment.load(broken)
