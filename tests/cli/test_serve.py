"""`cnn-bench serve`: what it answers, and that it answers for the report's files alone."""

import http.client
import os
import socket
from contextlib import contextmanager

import pytest
from sweeps import write_sweep

from cnn_bench.cli import main, serve
from cnn_bench.report import watch

PAGE = '<!doctype html><title>A report</title>'


@pytest.fixture
def report(tmp_path):
    made = tmp_path / 'sweep' / 'report'
    (made / 'below').mkdir(parents=True)
    (made / 'index.html').write_text(PAGE)
    (made / 'results.csv').write_text('a,b\n')
    for secret in (made / '.hidden', made / 'below' / 'a.txt', tmp_path / 'sweep' / 'sweep.json'):
        secret.write_text('secret')
    (made / 'link.csv').symlink_to(tmp_path / 'sweep' / 'sweep.json')
    os.mkfifo(made / 'pipe')
    return made


@pytest.fixture
def server(report):
    with serve.serving(report, 0) as made:
        yield made


def ask(server, path, method='GET', **headers):
    connection = http.client.HTTPConnection('127.0.0.1', server.server_port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def test_the_page_reloads_itself_and_the_file_does_not(server, report):
    status, headers, body = ask(server, '/')
    assert (status, headers['Content-Type']) == (200, 'text/html; charset=utf-8')
    assert body.startswith(PAGE)
    assert f"!== '{headers['ETag']}'" in body.removeprefix(PAGE)
    assert (report / 'index.html').read_text() == PAGE
    status, same, nothing = ask(server, '/', 'HEAD')
    assert (status, same['ETag'], nothing) == (200, headers['ETag'], '')
    assert int(same['Content-Length']) == len(body)
    (report / 'index.html').write_text(PAGE + ' again')
    assert ask(server, '/', 'HEAD')[1]['ETag'] != headers['ETag']


def test_files_are_sent_as_they_are(server):
    status, headers, body = ask(server, '/results.csv?x=1')
    assert (status, headers['Content-Type'], body) == (200, 'text/csv; charset=utf-8', 'a,b\n')


@pytest.mark.parametrize(
    'path',
    [
        *('/../sweep.json', '/%2e%2e/sweep.json', '/..%2fsweep.json', '//../sweep.json', '/below/../../sweep.json'),
        *('/below/a.txt', '/below', '/below/', '/.hidden', '/link.csv', '/pipe', '/..', '/%00', '/none.csv'),
        *('/' + 'a' * 5000, 'http://127.0.0.1/../sweep.json'),
    ],
)
def test_nothing_else_is(server, path):
    status, _, body = ask(server, path)
    assert status == 404
    assert 'secret' not in body


def test_an_absolute_path_is_none(server, tmp_path):
    assert ask(server, f'/{tmp_path}/sweep/sweep.json')[0] == 404


def test_only_this_machine_by_its_own_name(server):
    assert server.server_address[0] == '127.0.0.1'
    assert ask(server, '/', Host='evil.example')[0] == 403
    assert ask(server, '/results.csv', Host=f'evil.example:{server.server_port}')[0] == 403
    for name in ('localhost', 'localhost:99', f'127.0.0.1:{server.server_port}'):
        assert ask(server, '/', Host=name)[0] == 200
    assert ask(server, '/', 'POST')[0] == 501


def test_without_a_page_it_says_what_is_waited_for(server, report):
    (report / 'index.html').unlink()
    server.waiting_for = 'none of 2 runs in <b> is finished'
    status, headers, body = ask(server, '/')
    assert status == 200
    assert 'none of 2 runs in &lt;b&gt; is finished' in body
    assert f"!== '{headers['ETag']}'" in body
    (report / 'index.html').write_text(PAGE)
    assert ask(server, '/', 'HEAD')[1]['ETag'] != headers['ETag']


def test_a_port_in_use_is_one_line(report, capsys):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        assert main(['serve', str(report.parent), '--port', str(port)]) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert err.startswith(f'cnn-bench: error: serve: port {port} of 127.0.0.1 is in use; choose another with --port')
    assert err.count('\n') == 1


def test_a_directory_that_is_not_there_is_one_line(tmp_path, capsys):
    assert main(['serve', str(tmp_path / 'none'), '--port', '0']) == 2
    out, err = capsys.readouterr()
    assert (out, err.count('\n')) == ('', 1)
    assert 'there is no directory' in err


def test_it_writes_serves_and_ends_with_ctrl_c(tmp_path, capsys, monkeypatch):
    sweep = write_sweep(tmp_path / 'sweep', {'plain': [11.5]}, charts=(), hypotheses=())
    states, answers, made = [1, 2], [], []

    def state(directories):
        if not states:
            raise KeyboardInterrupt
        return states.pop(0)

    def write_now(data, out):
        made.append(out)
        answers.append(ask(servers[0], '/')[2])
        out.mkdir(exist_ok=True)
        (out / 'index.html').write_text(f'{PAGE} {len(made)}')
        return 'written'

    servers, serving = [], serve.serving

    @contextmanager
    def noted(*args):
        with serving(*args) as server:
            servers.append(server)
            yield server

    monkeypatch.setattr(serve, 'serving', noted)
    monkeypatch.setattr(watch, 'newest', lambda directories: 1)
    monkeypatch.setattr(watch, 'state', state)
    monkeypatch.setattr(watch, 'write_now', write_now)
    assert main(['serve', str(sweep), '--port', '0', '--every-s', '0']) == 0
    assert made == [sweep / 'report'] * 2
    assert 'No report yet: it is being written' in answers[0]
    assert answers[1].startswith(f'{PAGE} 1')
    out, err = capsys.readouterr()
    first, *rest = out.splitlines()
    assert first == f'http://127.0.0.1:{servers[0].server_address[1]}/ shows {sweep / "report"}; Ctrl-C ends it'
    assert (rest, err) == (['written', 'written'], '')


@pytest.mark.parametrize('newer', ['report', 'runs'])
def test_a_page_that_is_newer_than_the_runs_is_not_written_again(tmp_path, monkeypatch, newer):
    sweep = write_sweep(tmp_path / 'sweep', {'plain': [11.5]}, charts=(), hypotheses=())
    (sweep / 'report').mkdir()
    (sweep / 'report' / 'index.html').write_text(PAGE)
    at = watch.newest([sweep]) + (1 if newer == 'report' else -1)
    os.utime(sweep / 'report' / 'index.html', ns=(at, at))
    written = []

    def ended(data, out):
        written.append(out)
        raise KeyboardInterrupt

    def waits(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, 'write_now', ended)
    monkeypatch.setattr(watch.time, 'sleep', waits)
    assert main(['serve', str(sweep), '--port', '0']) == 0
    assert len(written) == (newer == 'runs')
