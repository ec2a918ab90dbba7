"""A contestant whose worker computes nothing, and a progress that keeps its lines."""

import sys
from pathlib import Path

from cnn_bench.measure.contestants import Contestant

WORKER = Path(__file__).with_name('fake_worker.py')


class Lines:
    """A `Progress` that keeps the lines, and the share of the work that was done."""

    def __init__(self):
        self.said, self.total, self.done = [], 0.0, 0.0

    def begin(self, total: float) -> None:
        self.total = total

    def advance(self, work: float, doing: str) -> None:
        self.done += work

    def say(self, line: str) -> None:
        self.said.append(line)


def fake(directory: Path, framework: str = 'cnn_bench', code: str = 'one', **behaviours: str) -> Contestant:
    """A contestant whose worker is fake_worker.py."""
    directory.mkdir(exist_ok=True)
    command = [sys.executable, str(WORKER), str(directory), *(f'{arch}={b}' for arch, b in behaviours.items())]
    return Contestant(framework, command, {'python': '3'}, lambda arch: code)
