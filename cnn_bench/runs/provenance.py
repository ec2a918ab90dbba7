"""Where a run came from: code, versions, command and machine."""

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = (
    'jax',
    'jaxlib',
    'flax',
    'optax',
    'orbax-checkpoint',
    'tensorflow-datasets',
    'grain',
    'numpy',
    'cnn_bench',
)


def collect() -> dict:
    """Commit, versions, command, machine and time, as a dictionary for provenance.json. Touches no device."""
    return {
        'git': git_state(Path(__file__).parent),
        'python': platform.python_version(),
        'versions': {name: metadata.version(name) for name in PACKAGES},
        'command': sys.argv,
        'machine': f'{platform.system()} {platform.machine()}',
        'cpu_cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
        'started': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
    }


def devices(used: list) -> dict:
    """Platform, kind and number of the jax devices `used`, and the precision of their matrix products."""
    import jax

    return {
        'platform': used[0].platform,
        'device_kind': used[0].device_kind,
        'num_devices': len(used),
        'matmul_precision': jax.config.jax_default_matmul_precision or 'default',
    }


def git_state(directory: Path) -> dict | None:
    """{'commit', 'dirty'} of the repository that holds `directory`; None where there is none."""

    def git(*arguments: str) -> str:
        command = ['git', '-C', str(directory), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {'commit': git('rev-parse', 'HEAD'), 'dirty': bool(git('status', '--porcelain'))}
    except (OSError, subprocess.CalledProcessError):
        return None
