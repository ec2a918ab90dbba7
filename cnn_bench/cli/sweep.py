"""Run the trials of experiments, each in a process of its own unless they are to run inline. One that fails does not
stop the others: it is recorded with its reason. The same command again does what is missing.

  cnn-bench sweep experiments/accuracy_vs_cost.py --preset demo --jobs 2 --out runs/demo
  cnn-bench sweep experiments/*.py --preset smoke --executor inline --out runs/smoke
  cnn-bench sweep experiments/depth_degradation.py --preset full --seeds 3 --config.total_steps=16000
  cnn-bench sweep experiments/accuracy_vs_cost.py --preset full --seeds 5 --executor ray --storage s3://bucket/sweep

--config.FIELD=VALUE sets a field of the recipe for all variants alike.

SIGTERM, SIGUSR1 and Ctrl-C have the trials that run save their state and end, with exit status 75. Exit status 1 says
that a trial has failed, now or earlier.
"""

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_bench.errors import UserError
from cnn_bench.runtime.compilation import CACHE, cache_variables

if TYPE_CHECKING:
    from cnn_bench.sweep import Sweep
    from cnn_bench.sweep.executor import Executor
    from cnn_bench.sweep.plan import Planned


TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench sweep`."""
    parser.add_argument('experiment', nargs='+', help='a file of experiments/; several: each goes to OUT/ITS-NAME')
    parser.add_argument(
        '--preset', default='demo', help='the scale: demo takes minutes on two CPU cores, smoke seconds'
    )
    parser.add_argument('--seeds', type=int, default=1, metavar='N', help='run each variant with seeds 0 ... N-1')
    parser.add_argument(
        '--held-equal',
        metavar='WHAT',
        help='epochs, macs or seconds over all variants, of those that the experiment allows (default: its first)',
    )
    parser.add_argument('--out', type=Path, help='the directory of the sweep (default: runs/EXPERIMENT-PRESET)')
    parser.add_argument('--data-dir', help='where prepared data sets are; default: CNN_BENCH_DATA, then that of TFDS')
    parser.add_argument('--dry-run', action='store_true', help='print every trial and about how long all take')
    parser.add_argument('--json', action='store_true', help='with --dry-run: as JSON')
    failures = parser.add_argument_group('failures')
    failures.add_argument('--retry-failed', action='store_true', help='run trials again that are recorded as failed')
    failures.add_argument('--max-failures', type=int, default=0, metavar='N', help='end when N trials have failed')
    where = parser.add_argument_group('where trials run')
    where.add_argument(
        '--executor',
        choices=('local', 'inline', 'ray'),
        default='local',
        help='local: processes on this machine; inline: in this process, one after another, for many short trials',
    )
    where.add_argument(
        '--jobs',
        type=int,
        metavar='N',
        help='trials at once (default: as many as the GPUs or the cluster take, else 1)',
    )
    where.add_argument(
        '--gpu-share', type=float, default=1.0, metavar='F', help='of a GPU that each trial gets; 0.5: two share one'
    )
    where.add_argument(
        '--memory-limit',
        type=float,
        default=0.0,
        metavar='GIB',
        help='of address space for data that each trial may take: more than the memory that it fills; 0: any',
    )
    cluster = parser.add_argument_group('with --executor ray')
    cluster.add_argument('--address', help='of the cluster; default: RAY_ADDRESS, else one on this machine')
    cluster.add_argument(
        '--storage',
        metavar='URL',
        help='that all nodes reach: a path or an fsspec URL (default: OUT, on a shared disk)',
    )
    cluster.add_argument('--cpus', type=float, default=1.0, metavar='N', help='CPUs that each trial reserves')


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    """Run the sweeps, print where each is and its answer, and return the worst exit status."""
    _check(args)
    if args.executor == 'inline':  # JAX reads these when it is imported, which the next lines do
        out = args.out or _out(args, Path(args.experiment[0]).stem)
        for name, value in cache_variables(out / CACHE).items():
            os.environ.setdefault(name, value)
    from cnn_bench import recipe
    from cnn_bench.sweep import Experiment, Sweep, slots

    changes = recipe.parse_overrides(overrides)
    experiments = [Experiment.load(path, changes) for path in args.experiment]
    slots_here = slots.assign(slots.visible_gpus(), args.gpu_share, args.jobs) if args.executor == 'local' else [{}]
    if args.executor == 'ray':
        _need_ray()
    sweeps = [
        Sweep(e, args.preset, args.seeds, _out(args, e.path.stem), args.data_dir, args.held_equal, slots_here[0])
        for e in experiments
    ]
    if args.dry_run:
        _dry_run(sweeps, args, slots_here)
        return 0
    worst = 0
    for sweep in sweeps:
        try:
            _run_one(sweep, args, slots_here)
        except UserError as error:
            if len(sweeps) == 1:
                raise
            print(f'cnn-bench: error: {sweep.experiment.path.stem}: {error}', file=sys.stderr)
            worst = max(worst, error.exit_status)
    return worst


def _check(args: argparse.Namespace) -> None:
    least = {'seeds': 1, 'jobs': 1, 'max_failures': 0, 'memory_limit': 0, 'cpus': 0}
    for name, minimum in least.items():
        value = getattr(args, name)
        if value is not None and value < minimum:
            raise UserError(f'--{name.replace("_", "-")} is {value:g}; it must be at least {minimum}')
    if args.json and not args.dry_run:
        raise UserError('sweep: --json goes with --dry-run')
    if args.executor != 'ray' and (args.address or args.storage):
        raise UserError('sweep: --address and --storage go with --executor ray')
    if args.executor == 'inline' and (args.memory_limit or args.gpu_share != 1 or (args.jobs or 1) > 1):
        raise UserError('sweep: --jobs, --gpu-share and --memory-limit are for trials in processes of their own')


def _need_ray() -> None:
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise UserError("--executor ray needs Ray: pip install 'cnn_bench[ray]'") from error


def _out(args: argparse.Namespace, stem: str) -> Path:
    if args.out is None:
        return Path('runs') / f'{stem}-{args.preset}'
    return args.out if len(args.experiment) == 1 else args.out / stem


def _run_one(sweep: 'Sweep', args: argparse.Namespace, slots_here: list[dict]) -> None:
    out = _out(args, sweep.experiment.path.stem)
    print(f'{sweep.experiment.question}\n{len(sweep.trials)} trials in {out}', flush=True)
    try:
        sweep.run(_executor(sweep, args, slots_here), args.retry_failed, args.max_failures)
    finally:
        if sweep.answer:
            print(sweep.answer)
            print(f'`cnn-bench report {out}` draws the charts', flush=True)


def _executor(sweep: 'Sweep', args: argparse.Namespace, slots_here: list[dict]) -> 'Executor':
    if args.executor == 'inline':
        from cnn_bench.sweep.inline import Inline

        return Inline(args.data_dir)
    if args.executor == 'local':
        from cnn_bench.sweep.local import Local

        return Local(sweep.out, slots_here, args.data_dir, args.memory_limit)
    from cnn_bench.sweep.ray_cluster import RayCluster

    return RayCluster(
        sweep.out,
        storage=args.storage,
        address=args.address,
        jobs=args.jobs,
        cpus=args.cpus,
        gpu_share=args.gpu_share,
        data_dir=args.data_dir,
        memory_gib=args.memory_limit,
    )


def _dry_run(sweeps: 'list[Sweep]', args: argparse.Namespace, slots_here: list[dict]) -> None:
    """Print what would be done. Writes nothing."""
    from cnn_bench.sweep import calibrate, plan

    rate = calibrate.macs_per_second(slots_here[0]) if any(map(plan.needs_rate, sweeps)) else None
    jobs = len(slots_here) if args.executor == 'local' else args.jobs or 1
    plans = [(sweep, plan.make(sweep, rate)) for sweep in sweeps]
    if args.json:
        print(json.dumps([_as_json(sweep, trials, jobs) for sweep, trials in plans], indent=2))
        return
    for sweep, trials in plans:
        _print_plan(sweep, trials, jobs)


def _seconds_left(trials: 'list[Planned]', jobs: int) -> float:
    from cnn_bench.sweep.plan import makespan

    return makespan((trial.seconds for trial in trials if trial.state == 'missing'), jobs)


def _as_json(sweep: 'Sweep', trials: 'list[Planned]', jobs: int) -> dict:
    return {
        'experiment': str(sweep.experiment.path),
        'out': str(sweep.out),
        'held_equal': sweep.held_equal,
        'jobs': jobs,
        'seconds_left': round(_seconds_left(trials, jobs), 1),
        'trials': [dataclasses.asdict(trial) for trial in trials],
    }


def _print_plan(sweep: 'Sweep', trials: 'list[Planned]', jobs: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from cnn_bench.sweep.plan import ROUGHNESS

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ('trial', 'seed', 'parameters', 'MACs', 'steps', 'time', 'state'):
        table.add_column(column, justify='left' if column in ('trial', 'state') else 'right', no_wrap=True)
    for t in trials:
        time = f'{"" if t.measured else "~ "}{_duration(t.seconds)}'
        table.add_row(*map(Text, (t.id, str(t.seed), f'{t.params:,}', f'{t.macs:,}', f'{t.steps:,}', time, t.state)))
    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=1000, highlight=False)
    print(sweep.experiment.question)
    console.print(table)
    missing = [trial for trial in trials if trial.state == 'missing']
    total = _duration(_seconds_left(trials, jobs))
    print(
        f'{len(missing)} of {len(trials)} trials to run, {sweep.held_equal} held equal: about {total}, {jobs} at once'
    )
    if any(not trial.measured for trial in missing):
        print(
            f'~: from multiply-adds at the rate of one convolution timed here alone; rough, within a factor of '
            f'{ROUGHNESS}, and trials that share a device slow each other down'
        )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{minutes} min' if minutes < 90 else f'{seconds / 3600:.1f} h'
