"""Train a network by a recipe into a run directory. The same command again resumes it from the last checkpoint.

--config.FIELD=VALUE sets any field of the recipe; they are listed below.

  cnn-bench train --config configs/lenet5.py --workdir runs/lenet5 --config.optimizer.learning_rate=0.05
  cnn-bench train --config configs/modern.py --workdir runs/mynet --config.model.arch=path/to/mynet.py:MyNet

An optimizer.name or schedule.name set here drops the fields of the file that the new one does not take, and a warm-up
that would take all of a short run becomes a tenth of it; a line says so, and the run's config.json has the result.

The second trains a network of yours: a class of that file that derives from cnn_bench.models.blocks.Classifier (what
else a file may say of it: cnn_bench/models/own.py). The run keeps a copy of the file, network.py, and uses it where the
file is gone or has changed. provenance.json has digests of the code, and code.patch what was not committed.

On a CPU, the same command with equally many cores gives the same numbers to the last bit; with another number of cores
the last digits differ.

SIGTERM, SIGUSR1 and Ctrl-C save the state at the current step and end with exit status 75; a second Ctrl-C ends at
once.

To train on several hosts, start the same command on each with --distributed, and with --coordinator, --num-processes
and --process-id unless Slurm, Kubernetes, Open MPI or Cloud TPUs start it. All of them must share the file system of
--workdir. Batch sizes are those of the whole run, whatever the number of devices and processes.
"""

import argparse
from collections.abc import Iterator

from cnn_bench.cli import arguments, output
from cnn_bench.errors import UserError

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench train`, and the fields of a recipe for --help."""
    from cnn_bench.recipe.fields import described

    parser.epilog = f'fields of a recipe, with their defaults:\n{described()}'
    parser.add_argument(
        '--config',
        required=True,
        metavar='FILE[:ARG]',
        help='the recipe: a file with get_config(arg), and its argument',
    )
    parser.add_argument('--workdir', required=True, metavar='DIR', help='the run directory')
    arguments.add_data_dir(parser)
    parser.add_argument(
        '--deterministic', action='store_true', help='on a GPU too, the same numbers to the last bit in every run'
    )
    parser.add_argument(
        '--profile', action='store_true', help='write a trace of some steps to WORKDIR/profile, for Perfetto'
    )
    parser.add_argument(
        '--fall-back',
        action='store_true',
        help='where the newest checkpoint cannot be read, delete it and go on from the one before (keep_checkpoints)',
    )
    parser.add_argument(
        '--until-step',
        type=arguments.whole(1),
        metavar='N',
        help='pause after the evaluation of step N, saved; the same command with a later step, or without, goes on',
    )
    several = parser.add_argument_group('several processes')
    several.add_argument('--distributed', action='store_true', help='this is one process of a run with several')
    several.add_argument('--coordinator', type=arguments.address, metavar='HOST:PORT', help='address of process 0')
    several.add_argument('--num-processes', type=arguments.whole(1), metavar='N', help='number of processes')
    several.add_argument('--process-id', type=arguments.whole(0), metavar='I', help='number of this process, from 0')


def run(args: argparse.Namespace, overrides: list[str]) -> None:
    """Train, and print a line with the result."""
    from cnn_bench import recipe
    from cnn_bench.models import registry
    from cnn_bench.runtime import memory
    from cnn_bench.runtime.answering import Answering
    from cnn_bench.training.progress import Progress

    memory.require_program()
    changes = recipe.parse_overrides(overrides)
    config = recipe.load(args.config, changes)
    first = _start(args) if args.distributed else True
    with Progress(quiet=not first) as progress, Answering(progress.asked_to_stop):
        progress.phase('loading JAX')
        if not args.distributed:
            _start(args)
        from cnn_bench.training import adapted
        from cnn_bench.training.session import train

        config, left_out = adapted.for_new_names(config, args.config, changes)
        config, shortened = adapted.for_short_run(config, args.data_dir)
        for line in (*left_out, *shortened):
            progress.say(line)
        recipe_file, until_step = args.config.partition(':')[0], args.until_step or 0
        how = args.profile, args.fall_back, until_step, recipe_file, progress
        summary = train(config, args.workdir, args.data_dir, *how)
    if not first:
        return
    name = registry.label(config.model.arch)
    if summary is None:
        output.print_line(f'{name}: paused after step {args.until_step}, saved; {args.workdir}')
        return
    output.print_line(f'{name}: {", ".join(_results(summary))}; {args.workdir}')


def _results(summary: dict) -> Iterator[str]:
    """What a summary tells of a run, as far as it is known."""
    from cnn_bench.runs.columns import ERRORS

    forms = (
        *((name, f'{words} {{:.2f}} %') for name, words in ERRORS.items()),
        ('test_loss', 'test loss {:.4f}'),
        ('images_per_s', '{:,.0f} images/s'),
    )
    for name, form in forms:
        if summary.get(name) is not None:
            yield form.format(summary[name])


def _start(args: argparse.Namespace) -> bool:
    """Make the settings that must be made before anything touches a device; return whether this process is the first
    of the run."""
    if args.deterministic:
        from cnn_bench.runtime import determinism

        determinism.enable()
    others = (args.coordinator, args.num_processes, args.process_id)
    if args.distributed:
        from cnn_bench.runtime import distributed

        distributed.start(*others)
        return distributed.is_first()
    if others != (None, None, None):
        raise UserError('train: --coordinator, --num-processes and --process-id need --distributed')
    return True
