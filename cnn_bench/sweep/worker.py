"""`python -m cnn_bench.sweep.worker --parent PID --workdir DIR --config FILE --config.FIELD=VALUE ...`: the process in
which a sweep trains one trial.

It trains as `cnn-bench train` does, with four differences: on Linux the kernel kills it as soon as the process that
started it ends, it keeps to its own CPU cores, its memory may be limited, and its failure is recorded in the run.
"""

import argparse
import os
import resource
import signal
import sys

from cnn_bench import recipe
from cnn_bench.runs import RunDirectory
from cnn_bench.runtime import cores, memory
from cnn_bench.runtime.parent import die_with
from cnn_bench.sweep.outcome import attempt


def main(argv: list[str] | None = None) -> None:
    """Train the trial that the arguments describe, and exit."""
    parser = argparse.ArgumentParser(prog='python -m cnn_bench.sweep.worker', description=__doc__, allow_abbrev=False)
    parser.add_argument('--parent', type=int, required=True, help='the process that started this one')
    parser.add_argument('--memory-limit', type=int, default=0, metavar='BYTES', help='0: no limit')
    parser.add_argument('--workdir', required=True, help='the run directory, which exists')
    parser.add_argument('--data-dir', help='where prepared data sets are')
    parser.add_argument('--config', required=True, help='the recipe')
    parser.add_argument('--until-step', type=int, default=0, metavar='N', help='pause there; 0: at no step')
    args, overrides = parser.parse_known_args(argv)
    die_with(args.parent)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # Slurm sends it to all processes of a job; slurm_job.py acts on it
    cores.keep_to_own()
    if args.memory_limit:
        limit_memory(args.memory_limit)

    def train() -> None:
        memory.require_program()
        from cnn_bench.training.session import train

        config = recipe.load(args.config, recipe.parse_overrides(overrides))
        train(config, args.workdir, args.data_dir, until_step=args.until_step)

    status = attempt(train, RunDirectory(args.workdir))
    if status == os.EX_SOFTWARE:  # an orderly exit waits for the computations that failed, and some of these never end
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def limit_memory(size: int) -> None:
    """Limit this process to `size` bytes: on Linux of private writable memory, reserved or used; elsewhere of address
    space."""
    kind = resource.RLIMIT_DATA if sys.platform.startswith('linux') else resource.RLIMIT_AS
    _, most = resource.getrlimit(kind)
    size = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(kind, (size, most))


if __name__ == '__main__':
    main()
