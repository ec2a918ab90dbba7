"""The flags of `cnn-bench sweep --executor slurm`, and the executor that they describe."""

import argparse
import re
import shutil
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments
from cnn_bench.errors import UserError

if TYPE_CHECKING:
    from cnn_bench.sweep import Sweep
    from cnn_bench.sweep.slurm_executor import SlurmExecutor

FLAGS = ('partition', 'gpus', 'time', 'memory', 'sbatch')
_OWN = {  # options of sbatch that flags set, or submitit does
    'partition': '--partition',
    'gpus-per-node': '--gpus',
    'cpus-per-task': '--cpus',
    'time': '--time',
    'mem': '--memory',
    'array': '--jobs',
    **dict.fromkeys(('job-name', 'output', 'error', 'open-mode', 'signal', 'nodes', 'ntasks-per-node'), 'the sweep'),
}


def add(parser: argparse.ArgumentParser) -> None:
    """The flags, in a group of their own. Those that are not given are None."""
    group = parser.add_argument_group(
        'with --executor slurm',
        'Each trial is a job of a job array, of which --jobs run at a time; --cpus are those of a job. A job that is '
        'preempted or reaches its time saves its state, is requeued and goes on. OUT/slurm has what the jobs print.',
    )
    group.add_argument('--partition', metavar='NAME', help="partition of the cluster (default: Slurm's)")
    group.add_argument('--gpus', type=arguments.whole(0, 64), metavar='N', help='GPUs of each trial (default: 1)')
    group.add_argument(
        '--time',
        type=arguments.whole(10, 100_000),
        metavar='MINUTES',
        help='time limit of a job, which then goes on in a new one (default: 240)',
    )
    group.add_argument(
        '--memory', type=arguments.number_above(0), metavar='GIB', help="memory of each job (default: Slurm's)"
    )
    group.add_argument(
        '--sbatch',
        action='append',
        metavar='NAME=VALUE',
        help='a further option of sbatch by its long name, such as account=vision; may be repeated',
    )


def check(args: argparse.Namespace) -> None:
    """Raise UserError where the flags are for another executor, or Slurm or submitit is missing."""
    if args.executor != 'slurm':
        given = [f'--{name}' for name in FLAGS if getattr(args, name) is not None]
        if given:
            raise UserError(f'sweep: {", ".join(given)} needs --executor slurm')
        return
    if args.gpu_share != 1:
        raise UserError('sweep: --executor slurm takes --gpus, whole ones for each trial, and no --gpu-share')
    if args.cpus is not None and (args.cpus < 1 or args.cpus != int(args.cpus)):
        raise UserError(f'sweep: --cpus is {args.cpus:g}; with --executor slurm it is a whole number, at least 1')
    _options(args)
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise UserError("--executor slurm needs submitit: pip install 'cnn_bench[slurm]'") from error
    if not args.dry_run and not (shutil.which('sbatch') and shutil.which('srun')):
        raise UserError('--executor slurm: this machine has no sbatch and srun; start the sweep where Slurm is')


def executor(args: argparse.Namespace, sweep: 'Sweep') -> 'SlurmExecutor':
    """The executor that the flags describe."""
    from cnn_bench.sweep.slurm_executor import Allocation, SlurmExecutor

    given = {
        'partition': args.partition,
        'gpus': args.gpus,
        'cpus': None if args.cpus is None else int(args.cpus),
        'minutes': args.time,
        'memory_gib': args.memory,
    }
    allocation = Allocation(**{k: v for k, v in given.items() if v is not None}, options=_options(args))
    return SlurmExecutor(sweep.out, args.jobs, allocation, args.data_dir, args.memory_limit)


def _options(args: argparse.Namespace) -> dict[str, str | bool]:
    """The options of --sbatch. Raises UserError for what is none, or is set by a flag of its own."""
    options: dict[str, str | bool] = {}
    for text in args.sbatch or ():
        name, equals, value = text.partition('=')
        if not re.fullmatch('[a-z][a-z-]*', name):
            raise UserError(f'sweep: --sbatch {text!r} is not NAME=VALUE, with a long option of sbatch without its --')
        if name in _OWN:
            raise UserError(f'sweep: --sbatch {name} is set by {_OWN[name]}')
        options[name] = value if equals else True
    return options
