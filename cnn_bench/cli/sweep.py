"""Train every variant of an experiment with every seed. Each such trial runs in its own process; if one fails, the
reason is recorded and the others continue. The same command again runs what is missing.

A recipe instead of an experiment is swept over the product of its grids. With --tune-trials the fields of --tune, or of
the experiment's TUNE, are tuned first, for each variant by itself and by its validation error; then its seeds run with
what was chosen (OUT/trials), and with the recipe as it is (OUT/untuned). The first tuning trial is the recipe as it is,
in OUT/tuning as all of them are, with a seed of its own. OUT/tuning.json holds what was tried and chosen, as does
OUT/tuning.journal for Optuna's own tools. A tuning trial that fails counts as the worst; --retry-failed runs it again
unless it diverged.

  cnn-bench sweep experiments/accuracy_vs_cost.py --preset demo --jobs 2 --out runs/demo
  cnn-bench sweep experiments/*.py --preset smoke --executor inline --out runs/smoke
  cnn-bench sweep experiments/depth_degradation.py --preset full --seeds 3 --config.total_steps=16000
  cnn-bench sweep experiments/accuracy_vs_cost.py --preset full --seeds 5 --executor ray --storage s3://bucket/sweep
  cnn-bench sweep experiments/accuracy_vs_cost.py --preset full --seeds 5 --executor slurm --partition gpu --jobs 16
  cnn-bench sweep experiments/accuracy_vs_cost.py --tune 'optimizer.learning_rate=log(0.001,1)' --tune-trials 16
  cnn-bench sweep configs/lenet5.py --grid optimizer.learning_rate=0.01,0.03,0.1 --grid model.width=0.5,1 --seeds 3

--config.FIELD=VALUE sets a field of the recipe for all variants, which are checked before the first trial starts.

A sweep that is started again says which of its trials were made by other code, and which files changed; --rerun changed
makes those again. What another recipe made stays in OUT/trials, and is neither in sweep.json nor in the answer.

On SIGTERM, SIGUSR1 and Ctrl-C the running trials save their state, and the exit status is 75. Exit status 1 means that
a trial has failed, now or earlier.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments, output, slurm_flags, sweep_plan, tuning_flags
from cnn_bench.errors import UserError
from cnn_bench.recipe import is_recipe, parse_overrides
from cnn_bench.runtime.compilation import CACHE, cache_variables
from cnn_bench.runtime.memory import GIB, PROGRAM_BYTES, gib

if TYPE_CHECKING:
    from cnn_bench.sweep import Sweep
    from cnn_bench.sweep.executor import Executor


TAKES_OVERRIDES = True
MOST_SEEDS = MOST_JOBS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench sweep`."""
    parser.add_argument(
        'experiment',
        nargs='+',
        metavar='EXPERIMENT',
        help='a file of experiments/, or a recipe FILE[:ARG]; several: each runs in OUT/NAME',
    )
    parser.add_argument(
        '--preset',
        metavar='NAME',
        help='smoke (seconds), demo (minutes on two CPU cores) or full (default: demo); of a recipe: recipe or smoke',
    )
    parser.add_argument(
        '--grid',
        action='append',
        default=[],
        metavar='FIELD=VALUE,...',
        help='of a recipe: values of a field; repeated: all combinations',
    )
    parser.add_argument(
        '--seeds',
        type=arguments.whole(1, MOST_SEEDS),
        default=1,
        metavar='N',
        help='train each variant with seeds 0 to N-1',
    )
    parser.add_argument(
        '--held-equal',
        metavar='WHAT',
        help='what all variants spend equally: epochs, macs or seconds, as the experiment allows (default: its first)',
    )
    parser.add_argument(
        '--out', type=Path, metavar='DIR', help='directory of the sweep (default: runs/EXPERIMENT-PRESET)'
    )
    arguments.add_data_dir(parser)
    parser.add_argument('--dry-run', action='store_true', help='only list the trials and estimate how long they take')
    output.add_form(parser.add_argument_group('with --dry-run'), sweep_plan.COLUMNS)
    failures = parser.add_argument_group('failures')
    failures.add_argument('--retry-failed', action='store_true', help='run failed trials again')
    failures.add_argument(
        '--rerun',
        choices=('changed',),
        help='changed: make trials again that other code made, each from its beginning; its old run is replaced when '
        'it starts',
    )
    failures.add_argument(
        '--max-failures',
        type=arguments.whole(0),
        default=0,
        metavar='N',
        help='stop the sweep when N trials have failed; 0: never',
    )
    tuning_flags.add(parser)
    _add_places(parser)


def _add_places(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group('where trials run')
    where.add_argument(
        '--executor',
        choices=('local', 'inline', 'ray', 'slurm'),
        default='local',
        help='local: processes on this machine; ray: a Ray cluster; slurm: jobs of Slurm; inline: one after another in '
        'this process, which is faster for many short trials',
    )
    where.add_argument(
        '--jobs',
        type=arguments.whole(1, MOST_JOBS),
        metavar='N',
        help='trials at a time (default: as many as the GPUs or the cluster have room for; without GPUs 1)',
    )
    where.add_argument(
        '--gpu-share',
        type=arguments.number_above(0),
        default=1.0,
        metavar='F',
        help='GPUs per trial; with 0.5 two trials share one',
    )
    where.add_argument(
        '--memory-limit',
        type=arguments.number_from(0),
        default=0.0,
        metavar='GIB',
        help='memory that each trial may reserve, which is more than it fills; 0: no limit',
    )
    cluster = parser.add_argument_group('with --executor ray')
    cluster.add_argument(
        '--address', help='address of the cluster (default: $RAY_ADDRESS, else one is started on this machine)'
    )
    cluster.add_argument(
        '--storage',
        metavar='URL',
        help='storage that all nodes reach, a path or an fsspec URL (default: OUT, which is then on a shared disk)',
    )
    cluster.add_argument(
        '--cpus',
        type=arguments.number_from(0),
        metavar='N',
        help='CPUs that each trial reserves, with --executor slurm too (default: 1)',
    )
    slurm_flags.add(parser)


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    """Run the sweeps, print the directory and the answer of each, and return the highest exit status."""
    _check(args)
    if args.executor == 'inline':  # JAX reads these when it is imported, which the next lines do
        out = args.out or _out(args, args.experiment[0])
        for name, value in cache_variables(out / CACHE).items():
            os.environ.setdefault(name, value)
    from cnn_bench.sweep import Sweep, ad_hoc, resources

    changes = parse_overrides(overrides)
    experiments = [ad_hoc.load(spec, changes, args.grid) for spec in args.experiment]
    plans = [tuning_flags.plan(args, experiment) for experiment in experiments]
    slots = resources.assign(resources.visible_gpus(), args.gpu_share, args.jobs) if args.executor == 'local' else [{}]
    if args.executor == 'ray':
        _need_ray()
    sweeps = [
        Sweep(
            experiment,
            _preset(args, spec),
            args.seeds,
            _out(args, spec),
            args.data_dir,
            args.held_equal,
            slots[0],
            plan,
            untuned=not args.skip_untuned,
        )
        for spec, experiment, plan in zip(args.experiment, experiments, plans, strict=True)
    ]
    if args.dry_run:
        jobs = len(slots) if args.executor == 'local' else args.jobs or 1
        sweep_plan.show(sweeps, jobs, slots[0], args)
        return 0
    worst = 0
    for spec, sweep in zip(args.experiment, sweeps, strict=True):
        try:
            _run_one(sweep, _out(args, spec), args, slots)
        except UserError as error:
            if len(sweeps) == 1:
                raise
            output.print_line(f'cnn-bench: error: {sweep.experiment.path.stem}: {error}', sys.stderr)
            worst = max(worst, error.exit_status)
    return worst


def _check(args: argparse.Namespace) -> None:
    if 0 < args.memory_limit * GIB < PROGRAM_BYTES:
        raise UserError(f'--memory-limit is {args.memory_limit:g}; a trial takes at least {gib(PROGRAM_BYTES)}')
    for flag in ('json', 'columns', 'wide'):
        if getattr(args, flag) and not args.dry_run:
            raise UserError(f'sweep: --{flag} needs --dry-run')
    if args.executor != 'ray' and (args.address or args.storage):
        raise UserError('sweep: --address and --storage need --executor ray')
    if args.executor not in ('ray', 'slurm') and args.cpus is not None:
        raise UserError('sweep: --cpus needs --executor ray or slurm')
    if args.executor == 'inline' and (args.memory_limit or args.gpu_share != 1 or (args.jobs or 1) > 1):
        raise UserError('sweep: --executor inline takes no --jobs, --gpu-share or --memory-limit')
    slurm_flags.check(args)


def _need_ray() -> None:
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise UserError("--executor ray needs Ray: pip install 'cnn_bench[ray]'") from error


def _preset(args: argparse.Namespace, spec: str) -> str:
    return args.preset or ('recipe' if is_recipe(spec) else 'demo')


def _out(args: argparse.Namespace, spec: str) -> Path:
    stem = Path(spec.partition(':')[0]).stem
    if args.out is None:
        return Path('runs') / f'{stem}-{_preset(args, spec)}'
    return args.out if len(args.experiment) == 1 else args.out / stem


def _run_one(sweep: 'Sweep', out: Path, args: argparse.Namespace, slots: list[dict]) -> None:
    output.print_line(sweep.experiment.question)
    output.print_line(f'{sweep.agenda.total()} trials in {out}')
    try:
        sweep.run(
            _executor(sweep, args, slots), args.retry_failed, args.max_failures, rerun_changed=args.rerun == 'changed'
        )
    finally:
        for line in sweep.remarks():
            output.print_line(line, sys.stderr)
        if sweep.answer:
            for line in sweep.answer.splitlines():
                output.print_line(line)
            output.print_line(f'`cnn-bench report {out}` draws the charts')


def _executor(sweep: 'Sweep', args: argparse.Namespace, slots: list[dict]) -> 'Executor':
    if args.executor == 'inline':
        from cnn_bench.sweep.inline_executor import InlineExecutor

        return InlineExecutor(args.data_dir)
    if args.executor == 'local':
        from cnn_bench.sweep.local_executor import LocalExecutor

        return LocalExecutor(sweep.out, slots, args.data_dir, args.memory_limit)
    if args.executor == 'slurm':
        return slurm_flags.executor(args, sweep)
    from cnn_bench.sweep.ray_executor import RayExecutor

    return RayExecutor(
        sweep.out,
        storage=args.storage,
        address=args.address,
        jobs=args.jobs,
        cpus=1.0 if args.cpus is None else args.cpus,
        gpu_share=args.gpu_share,
        data_dir=args.data_dir,
        memory_gib=args.memory_limit,
    )
