"""Sessions with workers that compute nothing."""

import json

import pytest
from fake_contestant import Lines, fake

from cnn_bench.measure.cases import of_networks
from cnn_bench.measure.session import Session


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Measure networks with fake workers into tmp_path/out: (rows, lines that were said, requests of the workers)."""
    monkeypatch.setattr('cnn_bench.measure.session.SETTLE_S', 0.0)

    def run(
        names, batches=(1, 2), rounds=4, again=(), answer_s=60.0, frameworks=('cnn_bench',), code='one', **behaviours
    ):
        directory = tmp_path / 'workers'
        contestants = {name: fake(directory, name, code, **behaviours) for name in frameworks}
        log = directory / 'requests.jsonl'
        log.unlink(missing_ok=True)
        session = Session(tmp_path / 'out', contestants, Lines(), rounds, 0.01, (), answer_s, frozenset(again))
        rows = session.run(of_networks(names, frameworks, batches))
        assert session.progress.done <= session.progress.total * 1.001
        requests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return rows, session.progress.said, requests

    return run
