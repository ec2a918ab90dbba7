"""What is known about trials from their run directories, and what a sweep writes there and into its own records."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.files import remove_directory
from cnn_bench.python_file import DIGITS
from cnn_bench.runs import RunDirectory, schema, study
from cnn_bench.runs.load import recipe_hash
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.outcome import Outcome
from cnn_bench.sweep.process import LOG

SAME = ('question', 'preset', 'held_equal', 'changes')  # for all trials in the directory of a sweep


def state(run: RunDirectory) -> str:
    """finished, one of schema.FAILED, unfinished (which includes not started) or damaged."""
    try:
        return (run.read(schema.SUMMARY) or {}).get('state', 'unfinished')
    except UserError:
        return 'damaged'


def reason(run: RunDirectory) -> str:
    """Why the trial failed; empty if it did not."""
    return (run.read(schema.SUMMARY) or {}).get('reason', '') if state(run) in schema.FAILED else ''


def recorded_failure(run: RunDirectory) -> Outcome | None:
    """The outcome that the trial's own process recorded; None where it recorded no failure."""
    return Outcome(state(run), reason(run)) if state(run) in schema.FAILED else None


def log(run: RunDirectory) -> str:
    """What the trial printed when it last ran."""
    try:
        return (run / LOG).read_text(errors='replace')
    except FileNotFoundError:
        return ''


def write_failure(run: RunDirectory, trial: Trial, outcome: Outcome) -> None:
    """Make the directory a failed run that tables and listings find, whatever the trial's process left there."""
    run.create()
    if not (run / schema.CONFIG).exists():
        run.write(schema.CONFIG, recipe.to_dict(trial.config))
    if state(run) not in schema.FAILED:
        run.write(schema.SUMMARY, {'state': outcome.state, 'reason': outcome.reason})


def forget_failure(run: RunDirectory) -> None:
    """Turn a failed run into an unfinished one, which resumes from its checkpoint, if any."""
    if state(run) != 'finished':
        (run / schema.SUMMARY).unlink(missing_ok=True)


def refuse_mixing(out: Path, there: study.Study | None, **here: str | dict) -> None:
    """Raise UserError if the sweep in `out` differs from `here` in question, preset, budget or changes."""
    for field in SAME if there else ():
        if getattr(there, field) != here[field]:
            name = field.replace('_', ' ')
            raise UserError(
                f'{out} holds a sweep of {name} {getattr(there, field)!r}, not {here[field]!r}; use another --out'
            )


def remove(run: RunDirectory) -> None:
    """Remove a run directory, for another run to start in its place."""
    remove_directory(run.path)


def merged(
    earlier: study.Study | None, records: list[dict], is_present: Callable[[RunDirectory], bool], runs: Path
) -> tuple[dict, ...]:
    """`records` of the trials of this sweep, then those of earlier ones whose run below `runs` `is_present`, such as
    other seeds."""
    ids = {record['id'] for record in records}
    others = (record for record in (earlier.trials if earlier else ()) if record['id'] not in ids)
    return (*records, *(record for record in others if is_present(RunDirectory(runs / record['id']))))


def same_recipe(trials: Iterable[Trial]) -> Callable[[RunDirectory], bool]:
    """A function that says whether a run has the recipe of one of the `trials`, whatever its seed.

    A run that starts from another's weights has it if that one has too.
    """
    hashes = {recipe_hash(recipe.to_dict(trial.config)) for trial in trials}

    def is_same(run: RunDirectory, seen: tuple[Path, ...] = ()) -> bool:
        fields = config(run)
        if fields is None or run.path in seen or recipe_hash(fields) not in hashes:
            return False
        start = fields.get('init_from') or ''
        return not start.startswith('../') or is_same(RunDirectory(run.path.parent / start[3:]), (*seen, run.path))

    return is_same


def config(run: RunDirectory) -> dict | None:
    """The recipe of a run; None where there is none that can be read, which tables say."""
    try:
        return run.read(schema.CONFIG)
    except UserError:
        return None


def provenance(run: RunDirectory) -> dict:
    """The provenance of a run; empty where there is none that can be read."""
    try:
        return run.read(schema.PROVENANCE) or {}
    except UserError:
        return {}


def code(run: RunDirectory, sources: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Digests of the code of a trial, for its row in sweep.json: one each of the package's modules, the network's own
    file, the recipe's and the experiment's. The run's provenance has them file by file.

    `sources` are the files of recipe and experiment by which it was started.
    """
    made = {**(provenance(run).get('code') or {}), **sources}
    text = {role: json.dumps(files, sort_keys=True) for role, files in made.items()}
    several = {role: hashlib.sha256(text[role].encode()).hexdigest()[:DIGITS] for role in made}
    return {role: next(iter(files.values())) if len(files) == 1 else several[role] for role, files in made.items()}


def add_sources(run: RunDirectory, sources: Mapping[str, Mapping[str, str]]) -> None:
    """Add the digests of the files of recipe and experiment to the record of code of a run that has ended."""
    made = provenance(run)
    if made.get('code') and not sources.items() <= made['code'].items():
        run.write(schema.PROVENANCE, {**made, 'code': {**made['code'], **sources}})


def wall_seconds(earlier: study.Study | None) -> dict[str, float]:
    """Trial id -> seconds from start to end, of trials that ran without interruption in an earlier session."""
    return {record['id']: record['wall_s'] for record in (earlier.trials if earlier else ()) if 'wall_s' in record}
