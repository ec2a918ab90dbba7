"""The network of a run whose file is outside the package: that file, or the copy of it that the run keeps."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnn_bench.errors import UserError, printable
from cnn_bench.models import own
from cnn_bench.python_file import digest, file_of
from cnn_bench.runs import RunDirectory, schema


def network_of(run: RunDirectory, provenance: Mapping[str, Any], arch: str) -> str:
    """The network that a run's weights are for, as `registry.build` takes it: `arch`, which its recipe names, or the
    run's copy where that is gone or has changed since, which a line on stderr says.

    Raises UserError where it is gone and there is no copy.
    """
    recorded = (provenance.get('code') or {}).get('network')
    if not own.is_own(arch) or not recorded:
        return arch
    named, then = file_of(arch), next(iter(recorded.values()))
    path = named if named is not None else own.find(arch).file
    now = digest(path) if Path(path).is_file() else None
    if now == then:
        return arch
    copy, what = run / schema.NETWORK, 'is gone' if now is None else 'has changed since'
    if copy.is_file():
        _say(f'{path} {what}; the run in {run.path} uses its own copy, {copy.name}')
        return f'{copy}:{arch.rpartition(":")[2]}'
    if now is None:
        raise UserError(f'{path}, the network of the run in {run.path}, is gone, and the run has no {copy.name}')
    _say(f'{path} has changed since the run in {run.path} was trained, which has no {copy.name}; it is used as it is')
    return arch


def _say(line: str) -> None:
    print(f'cnn-bench: {printable(line)}', file=sys.stderr, flush=True)
