"""`python -m cnn_bench.sweep.child --parent PID [--memory-limit BYTES] train ...`: a trial's process.

It is `cnn-bench` with three things done before: on Linux the process is killed when the one that started it dies,
however that does, it keeps to its own cores, and it may be held to an amount of memory.
"""

import argparse
import ctypes
import os
import resource
import runpy
import signal
import sys
import traceback

from cnn_bench.runtime import cores

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>


def main(argv: list[str] | None = None) -> None:
    """Run `cnn-bench` with what follows the two options; exits with its status."""
    parser = argparse.ArgumentParser(prog='python -m cnn_bench.sweep.child', description=__doc__)
    parser.add_argument('--parent', type=int, required=True, help='the process that starts this one')
    parser.add_argument('--memory-limit', type=int, default=0, help='bytes')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    args = parser.parse_args(argv)
    die_with(args.parent)
    cores.keep_to_own()
    if args.memory_limit:
        limit_memory(args.memory_limit)
    try:
        sys.argv[1:] = args.command
        runpy.run_module('cnn_bench', run_name='__main__', alter_sys=True)
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # to close down in order would be to wait for computations that failed, some of which never end


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends. Nothing on systems other than Linux."""
    if not sys.platform.startswith('linux'):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was asked for
        sys.exit(f'the process {parent} that started this one has ended')


def limit_memory(size: int) -> None:
    """Refuse this process more than `size` bytes of data: on Linux the memory that it can write to and shares with no
    other, reserved or used; elsewhere its address space."""
    kind = resource.RLIMIT_DATA if sys.platform.startswith('linux') else resource.RLIMIT_AS
    _, most = resource.getrlimit(kind)
    size = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(kind, (size, most))


if __name__ == '__main__':
    main()
