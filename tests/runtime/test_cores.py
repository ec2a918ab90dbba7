"""A process keeps to the cores that its environment names."""

import os
import subprocess
import sys

import pytest

from cnn_bench.runtime import cores

SCRIPT = 'from cnn_bench.runtime import cores; cores.keep_to_own(); print(cores.available())'


@pytest.mark.skipif(not cores.available(), reason='this system does not say which cores there are')
@pytest.mark.parametrize('more', [[], [100_000]], ids=['its own', 'and one that is not there'])
def test_it_keeps_to_them(more):
    first, *_ = here = cores.available()
    for own in ([first], here):
        environment = {**os.environ, cores.VARIABLE: ','.join(map(str, own + more))}
        made = subprocess.run([sys.executable, '-c', SCRIPT], env=environment, capture_output=True, check=True)
        assert made.stdout.decode().strip() == str(own)


@pytest.mark.parametrize('named', ['', '100000'])
def test_without_cores_of_its_own_it_has_all(named, monkeypatch):
    monkeypatch.setenv(cores.VARIABLE, named)
    before = cores.available()
    cores.keep_to_own()
    assert cores.available() == before


def test_every_core_is_one_process_s():
    for count in (2, 3, 4):
        given = [share[cores.VARIABLE].split(',') for share in cores.shares(count, list(range(7)))]
        assert len(given) == count
        assert sorted(int(core) for own in given for core in own) == list(range(7))
