"""Run directories mirrored in storage, also where a push is cut short."""

import pytest

from cnn_bench.runs import schema

pytest.importorskip('fsspec')
from cnn_bench.sweep.mirror import MANIFEST, Mirror


@pytest.fixture(params=['directory', 'odd directory', 'memory'])
def remote(request, tmp_path):
    """A path, one whose names mean something in patterns and URLs, and a URL."""
    if request.param == 'memory':
        return f'memory://{tmp_path.name}/[1]/store'
    return str(tmp_path / 'store' if request.param == 'directory' else tmp_path / '[1]*?{x}' / 's3::back\\slash')


def _write(run, **files):
    for name, content in files.items():
        path = run / name.replace('__', '/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def _files(path):
    return {p.relative_to(path).as_posix(): p.read_text() for p in path.rglob('*') if p.is_file()}


def test_what_was_pushed_is_pulled(tmp_path, remote):
    run = tmp_path / 'run'
    whole = {'config.json': '{}', 'metrics.jsonl': 'a\n', 'checkpoints/8/state/d/x': '8', 'checkpoints/8/meta': 'm'}
    _write(run, **whole)
    _write(run, **{'checkpoints/4/meta': 'older', 'checkpoints/12.orbax-checkpoint-tmp/meta': 'part', '.lock': ''})
    assert Mirror(run, remote).push()
    other = tmp_path / 'other'
    Mirror(other, remote).pull()
    assert _files(other) == whole

    (run / 'checkpoints' / '12').mkdir()
    _write(run, **{'checkpoints/12/meta': 'new', 'metrics.jsonl': 'a\nb\n'})
    mirror = Mirror(run, remote)
    assert mirror.push()
    third = tmp_path / 'third'
    Mirror(third, remote).pull()
    assert _files(third) == {'config.json': '{}', 'metrics.jsonl': 'a\nb\n', 'checkpoints/12/meta': 'new'}
    assert not mirror.fs.exists(f'{mirror.remote}/checkpoints/8')


@pytest.mark.parametrize('fails_at', range(5))
def test_a_push_that_is_cut_short_leaves_the_one_before_it(tmp_path, remote, fails_at, monkeypatch):
    run = tmp_path / 'run'
    _write(run, **{'config.json': '{}', 'metrics.jsonl': '1\n', 'checkpoints/1/a': '1', 'checkpoints/1/b': '1'})
    Mirror(run, remote).push()
    _write(run, **{'metrics.jsonl': '1\n2\n', 'checkpoints/2/a': '2', 'checkpoints/2/b': '2'})
    dying, written = Mirror(run, remote), []
    write = dying._write

    def write_or_die(name, content):
        if len(written) == fails_at:
            raise KeyboardInterrupt
        written.append(name)
        write(name, content)

    monkeypatch.setattr(dying, '_write', write_or_die)
    with pytest.raises(KeyboardInterrupt):
        dying.push()
    Mirror(tmp_path / 'other', remote).pull()
    found = _files(tmp_path / 'other')
    assert found['metrics.jsonl'].startswith('1\n')
    assert {name: content for name, content in found.items() if 'checkpoints' in name} == {
        'checkpoints/1/a': '1',
        'checkpoints/1/b': '1',
    }


def test_a_checkpoint_that_goes_while_it_is_pushed(tmp_path, remote, monkeypatch):
    run = tmp_path / 'run'
    _write(run, **{'metrics.jsonl': '1\n', 'checkpoints/1/a': '1', 'checkpoints/1/b': '1'})
    mirror = Mirror(run, remote)
    put = mirror._put

    def put_late(name):
        (run / 'checkpoints' / '1' / 'b').unlink(missing_ok=True)
        put(name)

    monkeypatch.setattr(mirror, '_put', put_late)
    assert not mirror.push()
    assert not mirror.fs.exists(f'{mirror.remote}/{MANIFEST}')


def test_a_failure_that_was_forgotten_is_not_there(tmp_path):
    run, remote = tmp_path / 'run', tmp_path / 'store'
    _write(run, **{'config.json': '{}', schema.SUMMARY: '{}'})
    Mirror(run, str(remote)).push()
    (remote / schema.SUMMARY).unlink()
    Mirror(tmp_path / 'other', str(remote)).pull()
    assert _files(tmp_path / 'other') == {'config.json': '{}'}


def test_a_mirror_that_was_removed_is_pulled_as_nothing(tmp_path, remote):
    _write(tmp_path / 'run', **{'config.json': '{}', 'checkpoints/8/meta': 'm'})
    mirror = Mirror(tmp_path / 'run', remote)
    mirror.push()
    Mirror(tmp_path / 'elsewhere', remote).remove()
    Mirror(tmp_path / 'other', remote).pull()
    assert _files(tmp_path / 'other') == {}
    assert not mirror.fs.exists(f'{mirror.remote}/config.json')
    Mirror(tmp_path / 'elsewhere', remote).remove()  # of nothing
