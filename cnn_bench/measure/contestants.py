"""Those that run a network: how the process of each is started, and what its figures are to be filed under."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnn_bench.errors import UserError
from cnn_bench.measure import machine
from cnn_bench.measure.cases import OURS
from cnn_bench.models import own, registry
from cnn_bench.python_file import DIGITS, digest, file_of
from cnn_bench.runs import code, provenance

STANDALONE = Path(__file__).with_name('standalone')
TORCH_PACKAGES = ('torch', 'torchvision', 'timm', 'numpy')
ASKING_S = 60
PLATFORMS = {'cpu': 'cpu', 'gpu': 'cuda'}  # --devices -> JAX_PLATFORMS


@dataclass(frozen=True)
class Contestant:
    """A command that starts a worker, and what its rows say of it."""

    framework: str
    command: list[str]
    versions: dict[str, str]
    code: Callable[[str], str]  # name of a network -> digest of the code that runs it
    env: dict[str, str] = field(default_factory=dict)

    def record(self, arch: str) -> dict[str, Any]:
        """The columns of a row that say what made it."""
        return {'versions': self.versions, 'code': self.code(arch)}


def ours(devices: str | None = None) -> Contestant:
    """This package, on `devices` ('cpu' or 'gpu'; None: what JAX takes)."""
    env = {} if devices is None else {'JAX_PLATFORMS': PLATFORMS[devices]}
    env['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'  # other processes need some of the GPU's memory
    command = [sys.executable, '-m', 'cnn_bench.measure.worker', '--parent', str(os.getpid())]
    return Contestant(OURS, command, machine.versions(), code_of, env)


def torch(framework: str, python: str, devices: str | None = None) -> Contestant:
    """PyTorch in the Python interpreter `python`. Raises UserError where that has no PyTorch."""
    env = {'CUDA_VISIBLE_DEVICES': ''} if devices == 'cpu' else {}
    versions = _versions_in(python)
    files = {path.name: digest(path) for path in sorted(STANDALONE.glob('*.py'))}
    return Contestant(
        framework, [python, str(STANDALONE / 'torch_worker.py')], versions, lambda arch: _digest_of(files), env
    )


def code_of(arch: str) -> str:
    """Digest of the modules that run a network here, and of its file where it is outside the package."""
    names = ['measure.worker', 'measure.prepared_case']
    files = {}
    if own.is_own(arch):
        names.append('models.blocks')
        path = file_of(arch) or own.find(arch).file
        files = {'network': digest(path)}
    else:
        names.append(f'models.{registry.get(arch).target.partition(":")[0]}')
    return _digest_of({**code.modules(names), **files})


def commit() -> str | None:
    """The commit of this code, with + where there are uncommitted changes; None outside of git."""
    state: Mapping[str, Any] | None = provenance.git_state(Path(__file__).parent)
    return state and f'{state["commit"]}{"+" if state["dirty"] else ""}'


def _digest_of(files: Mapping[str, str]) -> str:
    """One digest of several: file -> its digest."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _versions_in(python: str) -> dict[str, str]:
    script = (
        'import json, platform\n'
        'from importlib.metadata import PackageNotFoundError, version\n'
        'found = {"python": platform.python_version()}\n'
        f'for name in {TORCH_PACKAGES}:\n'
        '    try: found[name] = version(name)\n'
        '    except PackageNotFoundError: pass\n'
        'print(json.dumps(found))\n'
    )
    try:
        ran = subprocess.run([python, '-c', script], capture_output=True, text=True, timeout=ASKING_S, check=True)
        found = json.loads(ran.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f'--torch-python {python} is no Python that runs: {first}') from error
    if 'torch' not in found:
        raise UserError(f'{python} has no PyTorch; --torch-python names a Python that has')
    return found
