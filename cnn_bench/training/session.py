"""A session of training: a recipe is set up in a run directory, trained until it ends or stops, and summed up."""

from contextlib import nullcontext
from pathlib import Path

from ml_collections import ConfigDict

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.files import locked
from cnn_bench.runs import RunDirectory, schema
from cnn_bench.runs.directory import ReadOnlyRunDirectory
from cnn_bench.runs.sinks import Sinks, wanted
from cnn_bench.runtime import distributed
from cnn_bench.runtime.signals import TrainingStopSignals
from cnn_bench.trained.checkpoint import Checkpoints
from cnn_bench.training import memory, provenance
from cnn_bench.training.loop import Diverged, Trainer
from cnn_bench.training.profile import Profiler
from cnn_bench.training.progress import Progress
from cnn_bench.training.setup import TrainingSetup
from cnn_bench.training.transfer import load_init

PLACE = ('devices',)  # fields that state where a run runs, not what it is: they may differ from session to session


def train(
    config: ConfigDict,
    workdir: str | Path,
    data_dir: str | None = None,
    profile: bool = False,
    fall_back: bool = False,
    until_step: int = 0,
    recipe_file: str | Path | None = None,
    progress: Progress | None = None,
) -> dict | None:
    """Train by a recipe into a run directory, resuming from its last checkpoint; return the run's summary.

    A finished run is left as it is. With `until_step` the run pauses after that step and its evaluation, saved, and the
    result is None; trained on later, it is the run that never paused. With `profile`, some steps are traced into the
    run directory. With `fall_back`, newest checkpoints that cannot be read are deleted where there is an older one that
    can. The digest of `recipe_file` is recorded. `progress` is one that was entered. Raises UserError for bad input,
    before anything is written, and where another process trains there; RunFailed where a loss is not finite, after
    writing a summary with the reason, or a checkpoint cannot be written; Stopped where a signal asked for it, after
    saving the state.
    """
    distributed.check_same_recipe(recipe.to_dict(config))
    run = (RunDirectory if distributed.is_first() else ReadOnlyRunDirectory)(workdir)
    _check_same_recipe(run, config)
    summary = run.read(schema.SUMMARY)
    if summary and summary['state'] == 'finished':
        return summary
    with nullcontext(progress) if progress else Progress(quiet=not distributed.is_first()) as progress:
        progress.phase('building the network')
        setup = TrainingSetup(config, data_dir, load_init(config, run, data_dir))
        memory.require_room(setup)
        progress.phase(f'reading {config.dataset.name}')
        setup.load_data()
        record = provenance.collect(setup, run, recipe_file)
        sinks = wanted(config, run) if distributed.is_first() else Sinks({})
        run.create()
        with locked(run.path) if distributed.is_first() else nullcontext():
            run.write(schema.CONFIG, recipe.to_dict(config))
            run.write(schema.PROVENANCE, record)
            provenance.keep_code(setup, run)
            return _session(setup, run, sinks, progress, profile, fall_back, until_step)


def _session(
    setup: TrainingSetup,
    run: RunDirectory,
    sinks: Sinks,
    progress: Progress,
    profile: bool,
    fall_back: bool,
    until_step: int,
) -> dict | None:
    config, summary = setup.config, None
    identity = _without_place(recipe.to_dict(config))
    trace = run / schema.PROFILE if profile and distributed.is_first() else None
    with (
        TrainingStopSignals() as signals,
        Checkpoints(run / schema.CHECKPOINTS, config.keep_checkpoints, identity) as checkpoints,
        Profiler(trace) as profiler,
    ):
        for line in provenance.resumed_otherwise(run.read(schema.PROVENANCE)):
            progress.say(line)
        try:
            with distributed.exit_when_another_fails():
                trainer = Trainer(setup, run, checkpoints, progress, sinks, signals, profiler, fall_back, until_step)
                summary = trainer.run_to_end()
        except Diverged as error:
            summary = {'state': 'diverged', 'reason': str(error)}
            run.write(schema.SUMMARY, summary)
            saved = checkpoints.latest_step()
            kept = 'the log' if saved is None else f'the log and the checkpoint of step {saved}'
            raise Diverged(f'{error}; {run.path} has {kept}') from error
        finally:
            sinks.finish(summary or {'state': 'unfinished'})
    return summary


def _without_place(fields: dict) -> dict:
    return {name: value for name, value in fields.items() if name not in PLACE}


def _check_same_recipe(run: RunDirectory, config: ConfigDict) -> None:
    there = run.read(schema.CONFIG)
    if there is None:
        return
    there = recipe.renamed(there)
    differences = recipe.differences(_without_place(there), _without_place(recipe.to_dict(config)))
    if differences:
        raise UserError(
            f'{run.path} holds a run of another recipe (there, here): {"; ".join(differences)}; '
            "use another --workdir or the run's own recipe"
        )
