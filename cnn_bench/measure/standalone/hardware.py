"""The processor by name, and versions of what is installed."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def cpu_name() -> str:
    """The processor's name as Linux has it; elsewhere its architecture."""
    try:
        with open('/proc/cpuinfo') as file:
            named = (line.partition(':')[2].strip() for line in file if line.startswith('model name'))
            return next(named, '') or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of those packages that are installed."""
    found = {'python': platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
