"""A page in headless Chromium, driven by the DevTools protocol over the websockets of tornado."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
_QUIET = ('disable-background-networking', 'disable-component-update', 'disable-sync', 'no-first-run', 'disable-quic')
_LONGEST = 60.0  # seconds until a start or a page is given up


class Page:
    """`await page(method, **params)` is a command of the protocol; `events` are those seen so far."""

    def __init__(self, socket) -> None:
        self.socket, self.events, self.sent = socket, [], 0

    async def __call__(self, method: str, **params) -> dict:
        self.sent += 1
        await self.socket.write_message(json.dumps({'id': self.sent, 'method': method, 'params': params}))
        while (answer := json.loads(await self.socket.read_message())).get('id') != self.sent:
            self.events.append(answer)
        assert 'error' not in answer, answer
        return answer['result']

    async def js(self, expression: str) -> object:
        """The value of an expression, awaited where it is a promise."""
        made = await self('Runtime.evaluate', expression=expression, awaitPromise=True, returnByValue=True)
        assert 'exceptionDetails' not in made, made
        return made['result'].get('value')

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        for _ in range(int(_LONGEST / 0.1)):
            if await self.js(f'Boolean({expression})'):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f'never true: {expression}; {self.said}')

    @property
    def said(self) -> list[dict]:
        """What the console got: exceptions, messages, errors of the browser."""
        kinds = ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled', 'Log.entryAdded')
        return [event for event in self.events if event.get('method') in kinds]

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked for."""
        return [e['params']['request']['url'] for e in self.events if e.get('method') == 'Network.requestWillBeSent']


@contextlib.asynccontextmanager
async def opened(width: int, height: int, dark: bool = False):
    """A Page of this size in a Chromium of its own."""
    from tornado.websocket import websocket_connect

    home = Path(tempfile.mkdtemp())
    flags = [f'--{flag}' for flag in ('headless', 'no-sandbox', 'disable-gpu', *_QUIET)]
    command = [CHROMIUM, *flags, f'--user-data-dir={home}', '--remote-debugging-port=0', 'about:blank']
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        page = Page(await websocket_connect(await _address(home), max_message_size=2**28))
        for room in ('Page', 'Runtime', 'Network', 'Log'):
            await page(f'{room}.enable')
        size = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False}
        await page('Emulation.setDeviceMetricsOverride', **size)
        theme = {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}
        await page('Emulation.setEmulatedMedia', features=[theme])
        yield page
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


async def _address(home: Path) -> str:
    """Where the protocol of the first page is spoken."""
    for _ in range(int(_LONGEST / 0.1)):
        with contextlib.suppress(OSError, IndexError, ValueError):
            port = int((home / 'DevToolsActivePort').read_text().split()[0])
            pages = json.load(urllib.request.urlopen(f'http://127.0.0.1:{port}/json'))
            return next(page['webSocketDebuggerUrl'] for page in pages if page['type'] == 'page')
        await asyncio.sleep(0.1)
    raise TimeoutError('Chromium did not start')
