"""Show the report of runs in a browser of this machine, and keep it up to date while they train.

  cnn-bench serve runs/depth
  cnn-bench serve runs/depth runs/width --port 8080

It writes the report as `cnn-bench report --watch` does, and the page reloads itself when it was written again. Only
this machine can open it (127.0.0.1), and only the files of the report are served. Ctrl-C ends it.
"""

import argparse
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from stat import S_ISREG
from urllib.parse import unquote, urlsplit

from cnn_bench.cli import output
from cnn_bench.cli.arguments import whole
from cnn_bench.cli.report import EVERY_S, add_every, waiting
from cnn_bench.errors import UserError

HOST, PORT, PAGE = '127.0.0.1', 8000, 'index.html'
NAMES = (HOST, 'localhost')  # of this machine; a page elsewhere, whose name leads here, must not read the report
_RELOAD = """<script>
setInterval(async () => {
  const found = await fetch('/', { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  if (found && found.headers.get('ETag') !== '%s') location.reload();
}, 1000);
</script>
"""
_WAITING = """<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>Waiting</title>
<p>No report yet: %s</p>
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench serve`."""
    parser.add_argument('dirs', nargs='+', metavar='DIR', help='a sweep, a run, or any directory of runs')
    parser.add_argument(
        '--port', type=whole(0, 2**16 - 1), default=PORT, metavar='P', help='port on 127.0.0.1; 0: any that is free'
    )
    add_every(parser)


def run(args: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    from cnn_bench.report import together, watch

    report = together.place(args.dirs)
    with serving(report, args.port) as server:
        output.print_line(f'http://{HOST}:{server.server_port}/ shows {report}; Ctrl-C ends it')

        def write() -> None:
            output.print_line(watch.write_now(together.read(args.dirs), report))

        def say(why: str) -> None:
            server.waiting_for = why
            waiting(why)

        every_s = EVERY_S if args.every_s is None else args.every_s
        watch.follow(args.dirs, write, say, every_s, written(report) > watch.newest(args.dirs))


def written(report: Path) -> int:
    """When the page of a report was written, in nanoseconds; 0 where there is none."""
    try:
        return (report / PAGE).stat().st_mtime_ns
    except OSError:
        return 0


class ReportServer(ThreadingHTTPServer):
    """Serves the files of the directory `report` on 127.0.0.1; without a page, one that says what is waited for."""

    waiting_for = 'it is being written'

    def __init__(self, report: Path, port: int):
        """Raises UserError where the port is in use or may not be taken."""
        self.report = report
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = 'is in use' if error.errno == errno.EADDRINUSE else 'is not for users'
            raise UserError(f'serve: port {port} of {HOST} {why}; choose another with --port, or 0 for any') from error

    def file(self, name: str) -> tuple[bytes, str] | None:
        """The content of a file of the report and the ETag of its state; None where there is no such file."""
        if not name or name.startswith('.') or '/' in name or '\0' in name:
            return None
        try:
            opened = os.open(self.report / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(opened, 'rb') as file:
                state = os.fstat(opened)
                if not S_ISREG(state.st_mode):
                    return None
                return file.read(), f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
        except OSError:  # a directory or a link too
            return None


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer

    def do_GET(self) -> None:
        """Send a file."""
        self._send(body=True)

    def do_HEAD(self) -> None:
        """Send what `do_GET` would, without the file."""
        self._send(body=False)

    def log_message(self, *_: object) -> None:
        """Nothing: a browser asks every second."""

    def _send(self, body: bool) -> None:
        host = self.headers.get('Host', '').rpartition(':')
        if (host[0] or host[2]) not in NAMES:
            self.send_error(HTTPStatus.FORBIDDEN, f'Only {" and ".join(NAMES)} are served')
            return
        name = unquote(urlsplit(self.path).path).removeprefix('/') or PAGE
        found = self.server.file(name)
        if found is None and name != PAGE:
            self.send_error(HTTPStatus.NOT_FOUND, 'The report has no such file')
            return
        content, etag = found or ((_WAITING % escape(self.server.waiting_for)).encode(), '"waiting"')
        if name == PAGE:
            content += (_RELOAD % etag).encode()
        kind = guess_type(name)[0] or 'application/octet-stream'
        self.send_response(HTTPStatus.OK)
        self.send_header('Content-Type', f'{kind}; charset=utf-8' if kind.startswith('text/') else kind)
        self.send_header('Content-Length', str(len(content)))
        self.send_header('ETag', etag)
        self.send_header('Cache-Control', 'no-store')
        self.send_header('X-Content-Type-Options', 'nosniff')
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def serving(report: Path, port: int) -> Iterator[ReportServer]:
    """A ReportServer that answers, in a thread of its own, while the block runs."""
    with ReportServer(report, port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
